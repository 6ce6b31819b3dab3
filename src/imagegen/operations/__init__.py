"""The use cases, without HTTP: every API of the service calls these."""
