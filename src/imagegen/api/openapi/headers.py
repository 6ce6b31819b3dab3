"""The response headers in the OpenAPI document."""

from typing import Any, Final, cast

from imagegen.api.http.request_ids import HEADER
from imagegen.api.openapi.json_schema import simplify
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
_RATES: Final = {
    "RateLimit-Policy": {
        "description": "The limits of the key, and of the user of new jobs; absent if there are none. A structured "
        "list of `key-requests`, `key-images`, `user-requests` and `user-images`: `q` of the unit `qu`, requests if "
        "left out, in `w` seconds. Where jobs are made, also of `key-open-jobs` and `user-open-jobs`: `q` unfinished "
        "jobs at once.",
        "schema": {"type": "string", "examples": ['"key-requests";q=60;w=60, "key-images";q=200;w=60;qu="images"']},
    },
    "RateLimit": {
        "description": "The same limits after this request: `r` still pass at once, and all of `q` in `t` seconds, "
        "which open jobs do not have. "
        "Absent while MongoDB does not answer.",
        "schema": {"type": "string", "examples": ['"key-requests";r=59;t=1, "key-images";r=196;t=2']},
    },
}
_ABOUT_A_MODEL: Final = frozenset({"generateImage", "generateBatch", "retryJob", "estimateCost", "getModel"})
_RETIREMENT: Final = {
    "Deprecation": {
        "description": "When the model, or the first model of a batch, ends, as `@` and seconds since 1970 (RFC 9745); "
        "absent if it does not.",
        "schema": {"type": "string", "examples": ["@1796083200"]},
    },
    "Sunset": {
        "description": "When the model ends (RFC 8594). From then on new requests are 410.",
        "schema": {"type": "string", "examples": ["Wed, 01 Dec 2026 00:00:00 GMT"]},
    },
    "Link": {
        "description": 'The model to use instead, as `<…>; rel="successor-version"`, if there is one.',
        "schema": {"type": "string"},
    },
}
_REFERENCE: Final = "#/components/headers/"


def add_headers(document: dict[str, Any]) -> None:
    """Add the headers of every response, in place; those of rates where a key is read."""
    document["components"]["headers"] = dict(_RATES)
    for operation in operations_of(document):
        _add_headers(operation)


def _add_headers(operation: dict[str, Any]) -> None:
    responses = cast("dict[str, dict[str, Any]]", operation["responses"])
    of_key: dict[str, Any] = {name: {"$ref": _REFERENCE + name} for name in _RATES} if "401" in responses else {}
    for status, response in [*responses.items()]:
        own = cast("dict[str, dict[str, Any]]", response.get("headers", {}))
        for header in own.values():
            simplify(header["schema"])
        # Operations share the responses that they inherit, and no headers.
        responses[status] = {**response, "headers": {**own, **(of_key if status != "401" else {}), HEADER: _ID}}
    if "304" in responses:
        for response in (responses[status] for status in ("200", "302", "304") if status in responses):
            response["headers"] |= {"ETag": _TAG, "Cache-Control": _CACHE}
    if operation.get("operationId") in _ABOUT_A_MODEL:
        for status in (status for status in ("200", "202") if status in responses):
            responses[status]["headers"] |= _RETIREMENT
    if operation.get("operationId", "").startswith("list") and "cursor" in str(operation.get("parameters")):
        responses["200"]["headers"] |= {"Link": _LINK}
