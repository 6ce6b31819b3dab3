"""The response headers in the OpenAPI document."""

from typing import Any, Final, cast

from imagegen.api.http.request_ids import HEADER
from imagegen.api.openapi.operations import operations_of

_ID: Final = {"description": "The request's id: yours if valid, otherwise generated.", "schema": {"type": "string"}}
_TAG: Final = {"description": "Send it as If-None-Match to get a 304 if it is current.", "schema": {"type": "string"}}
_CACHE: Final = {
    "description": "`no-store` for jobs and batches, otherwise `private, no-cache`: revalidate before use.",
    "schema": {"type": "string"},
}
_LINK: Final = {
    "description": 'Link to the next page, as `<…>; rel="next"`; absent on the last page.',
    "schema": {"type": "string"},
}


def add_headers(document: dict[str, Any]) -> None:
    """Add the headers of every response, in place."""
    for operation in operations_of(document):
        _add_headers(operation)


def _add_headers(operation: dict[str, Any]) -> None:
    responses = cast("dict[str, dict[str, Any]]", operation["responses"])
    for response in responses.values():
        response["headers"] = {**response.get("headers", {}), HEADER: _ID}
    if "304" in responses:
        for response in (responses[status] for status in ("200", "302", "304") if status in responses):
            response["headers"] |= {"ETag": _TAG, "Cache-Control": _CACHE}
    if operation.get("operationId", "").startswith("list") and "cursor" in str(operation.get("parameters")):
        responses["200"]["headers"] |= {"Link": _LINK}
