"""Commands that talk to a running service over HTTP, as any other client does."""
