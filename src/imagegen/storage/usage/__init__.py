"""Usage sums in MongoDB."""
