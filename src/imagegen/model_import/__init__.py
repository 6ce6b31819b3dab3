"""Makes entries of the catalog from what fal says of its endpoints."""
