"""Responses with an OpenAPI document: compressed for whoever takes gzip, and 304 if the caller has it."""

import re
from typing import Final, cast

from fastapi import Request, Response

from imagegen.api.http.etags import tag_headers, unchanged
from imagegen.api.http.media_types import JSON
from imagegen.api.openapi.written import WrittenDocument, WrittenDocuments

_CODING: Final = re.compile(r"\s*(gzip|x-gzip|\*)\s*(?:;\s*q\s*=\s*([0-9.]+)\s*)?", re.ASCII | re.IGNORECASE)
_VARY: Final = {"Vary": "Accept-Encoding"}


def documents_of(request: Request) -> WrittenDocuments:
    """The documents of the application that handles the request."""
    return cast("WrittenDocuments", request.app.state.documents)


async def document_response(request: Request, document: WrittenDocument) -> Response:
    """The document, or 304."""
    if (known := unchanged(request, document.tag)) is not None:
        known.headers.update(_VARY)
        return known
    headers = {**tag_headers(document.tag), **_VARY}
    if takes_gzip(request.headers.get("accept-encoding")):
        return Response(document.compressed, media_type=JSON, headers={**headers, "Content-Encoding": "gzip"})
    return Response(await document.plain(), media_type=JSON, headers=headers)


def takes_gzip(header: str | None) -> bool:
    """Whether an Accept-Encoding header (RFC 9110, 12.5.3) takes gzip. It does not if it is absent: few send none."""
    found = [match for part in (header or "").split(",") if (match := _CODING.fullmatch(part))]
    named = [match for match in found if match[1] != "*"]
    return any(_weight(match[2]) > 0 for match in named or found)


def _weight(text: str | None) -> float:
    try:
        return 1.0 if text is None else float(text)
    except ValueError:
        return 1.0
