"""fal's list of models, `GET /v1/models`, and the document of each: those of the index, and what else fal has.

The document of an endpoint whose parameters are not known cannot be expanded, as happens at fal.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from imagegen.endpoint_index import endpoint_index
from imagegen.sandbox.platform_errors import platform_error

_MOST_IDS: Final = 50
_MOST_ROWS: Final = 100
_STATUSES: Final = frozenset({"active", "deprecated"})
_EXPANSIONS: Final = frozenset({"openapi-3.0", "enterprise_status"})
_CATEGORIES: Final[Mapping[str, str]] = {
    "video": "text-to-video",
    "audio": "text-to-audio",
    "3d": "image-to-3d",
    "training": "training",
    "other": "vision",
    "image": "text-to-image",
}
_NOT_EXPANDED: Final = {"error": {"code": "expansion_failed", "message": "The schema could not be expanded"}}
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Listed:
    """An endpoint in the list."""

    endpoint: str
    title: str
    category: str
    status: str
    kind: str

    def row(self, expand: Sequence[str]) -> Json:
        """As the list has it."""
        metadata: Json = {
            "display_name": self.title,
            "category": self.category,
            "description": "",
            "status": self.status,
            "tags": [],
            "updated_at": "2026-08-20T00:00:00Z",
            "kind": self.kind,
            "license_type": "commercial",
            "model_url": f"https://fal.run/{self.endpoint}",
            "thumbnail_url": "",
        }
        row: Json = {"endpoint_id": self.endpoint, "metadata": metadata}
        if "openapi-3.0" in expand:
            row["openapi"] = _document(self.endpoint) or _NOT_EXPANDED
        if "enterprise_status" in expand:
            row["enterprise_status"] = "ready"
        return row


def routes() -> list[Route]:
    """The list, and the document of one endpoint, which fal serves without a key."""
    return [Route("/v1/models", _list), Route("/api/openapi/queue/openapi.json", _one_document)]


def _list(request: Request) -> Response:
    wanted = request.query_params
    ids = [name for given in wanted.getlist("endpoint_id") for name in given.split(",") if name]
    try:
        first, limit = _page(wanted)
        expand = _expansions(wanted)
    except ValueError as error:
        return platform_error(400, "validation_error", str(error))
    if len(ids) > _MOST_IDS:
        return platform_error(400, "validation_error", f"endpoint_id: expected 1 to {_MOST_IDS} endpoint ids")
    found = [each for each in _listed() if _fits(each, wanted, ids)]
    if ids and not found:
        return platform_error(404, "not_found", f"Endpoint {ids[0]} not found")
    rows, has_more = found[first : first + limit], len(found) > first + limit
    cursor = base64.urlsafe_b64encode(str(first + limit).encode()).decode() if has_more else None
    return JSONResponse({"models": [each.row(expand) for each in rows], "next_cursor": cursor, "has_more": has_more})


def _one_document(request: Request) -> Response:
    document = _document(request.query_params.get("endpoint_id", ""))
    return JSONResponse({"detail": "Not Found"}, 404) if document is None else JSONResponse(document)


def _page(wanted: QueryParams) -> tuple[int, int]:
    """The first row, and how many.

    Raises:
        ValueError: the query is invalid; with the reason.
    """
    limit = wanted.get("limit", "50")
    if not limit.isdecimal() or not 1 <= int(limit) <= _MOST_ROWS:
        raise ValueError(f"limit: expected 1 to {_MOST_ROWS}")
    if wanted.get("status") not in {None, *_STATUSES}:
        raise ValueError("status: expected active or deprecated")
    try:
        return int(base64.b64decode(wanted.get("cursor", "MA=="), altchars=b"-_", validate=True)), int(limit)
    except (binascii.Error, ValueError):
        raise ValueError("cursor: expected next_cursor of the page before") from None


def _expansions(wanted: QueryParams) -> Sequence[str]:
    expand = [name for given in wanted.getlist("expand") for name in given.split(",") if name]
    if unknown := [name for name in expand if name not in _EXPANSIONS]:
        raise ValueError(f"expand: {unknown[0]} is not one of {', '.join(sorted(_EXPANSIONS))}")
    return expand


def _fits(each: _Listed, wanted: QueryParams, ids: Sequence[str]) -> bool:
    words = wanted.get("q", "").casefold().split()
    searched = f"{each.endpoint} {each.title} {each.category}".casefold()
    is_asked = not ids or each.endpoint in ids
    is_like = all(word in searched for word in words)
    of_category = wanted.get("category") in {None, each.category}
    return is_asked and is_like and of_category and wanted.get("status") in {None, each.status}


@cache
def _listed() -> Sequence[_Listed]:
    return tuple(_all())


def _all() -> Iterator[_Listed]:
    index = endpoint_index()
    for name in index.ids:
        known = index.find(name)
        assert known is not None
        yield _Listed(name, known.title, known.category, "active", "inference")
    for name, kind in index.others.items():
        status = "deprecated" if kind == "image" else "active"
        title = name.rpartition("/")[2].replace("-", " ").title()
        yield _Listed(name, title, _CATEGORIES[kind], status, "training" if kind == "training" else "inference")


def _document(endpoint: str) -> Mapping[str, Any] | None:
    known = endpoint_index().find(endpoint)
    return known.document() if known else None
