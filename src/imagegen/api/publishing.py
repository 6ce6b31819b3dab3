"""The OpenAPI document as a file: made from the catalog alone, with no server running."""

import json
from typing import NoReturn

from imagegen.api.app import create_app
from imagegen.registry import Registry


def openapi_json(registry: Registry) -> str:
    """The text of openapi.json for these models, as `/openapi.json` serves it, but indented."""
    return json.dumps(create_app(registry, _never_opened).openapi(), indent=2, ensure_ascii=False) + "\n"


def _never_opened() -> NoReturn:
    raise AssertionError("a document needs no services")
