"""ETag and If-None-Match (RFC 9110): an unchanged response is not sent again."""

import hashlib
import re
from typing import Final

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from imagegen.jobs import Job

_TAG: Final = re.compile(r'(?:W/)?"([\x21\x23-\x7e\x80-\xff]*)"')


def job_tag(job: Job) -> str:
    """A weak tag: the job and its version. Its links do not count; they are signed anew at every read."""
    return f'W/"{job.id}-{job.version}"'


def unchanged(request: Request, tag: str) -> Response | None:
    """304 if the caller already has what the tag names, otherwise None."""
    if not is_known(request.headers.get("if-none-match", ""), tag):
        return None
    return Response(status_code=304, headers=tag_headers(tag))


def is_known(header: str, tag: str) -> bool:
    """Whether an If-None-Match header names the tag."""
    return header.strip() == "*" or _opaque(tag) in _TAG.findall(header)


def tagged_response(request: Request, content: BaseModel) -> Response:
    """The content with a tag that is made from it, or 304."""
    tag = content_tag(content)
    return unchanged(request, tag) or JSONResponse(content.model_dump(mode="json"), headers=tag_headers(tag))


def content_tag(content: BaseModel) -> str:
    """A weak tag: a digest of the content."""
    return f'W/"{hashlib.sha256(content.model_dump_json().encode()).hexdigest()[:32]}"'


def tag_headers(tag: str) -> dict[str, str]:
    """The headers for a tag: a cached copy must be revalidated before use."""
    return {"ETag": tag, "Cache-Control": "private, no-cache"}


def _opaque(tag: str) -> str:
    return tag.removeprefix("W/").strip('"')
