"""Writes the OpenAPI document from the catalog alone, with no server running."""

import json

from imagegen.api.app import create_app
from imagegen.registry import Registry


def openapi_json(registry: Registry) -> str:
    """The text of openapi.json for these models: what `/openapi.json` serves, indented."""
    return json.dumps(create_app(registry).openapi(), indent=2, ensure_ascii=False) + "\n"
