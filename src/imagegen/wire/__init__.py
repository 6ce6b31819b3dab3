"""The shapes that callers see: schemas and serializers, for the API and for webhooks."""
