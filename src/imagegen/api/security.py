"""API keys in the OpenAPI document."""

from typing import Any, Final, cast

from imagegen.api.documents import UNAUTHORIZED
from imagegen.api.doors import Doors, is_open

_SCHEME: Final = "apiKey"


def declare_security(document: dict[str, Any], doors: Doors) -> dict[str, Any]:
    """Say in the document that operations take an API key, which ones need none, and whether any does."""
    scheme = {"type": "http", "scheme": "bearer", "description": "An API key: `ig_…`, made with `imagegen keys add`."}
    document["components"]["securitySchemes"] = {_SCHEME: scheme}
    document["security"] = [{_SCHEME: []}, *([{}] if doors.anonymous else [])]
    for path, operations in cast("dict[str, dict[str, Any]]", document["paths"]).items():
        for operation in operations.values():
            if is_open(path):
                operation["security"] = []
            else:
                operation["responses"] |= {str(status): answer for status, answer in UNAUTHORIZED.items()}
    return document
