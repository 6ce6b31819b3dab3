"""The HTTP API: everything that knows about HTTP lives here."""

from imagegen.api.app import create_app
from imagegen.api.openapi.export import openapi_json

__all__ = ["create_app", "openapi_json"]
