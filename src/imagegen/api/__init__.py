"""The HTTP API: everything that knows about HTTP lives here."""

from imagegen.api.app import create_app

__all__ = ["create_app"]
