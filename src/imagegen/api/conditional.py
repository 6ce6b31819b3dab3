"""ETag and If-None-Match (RFC 9110): an answer that has not changed is not sent again."""

import hashlib
import re
from typing import Final

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from imagegen.jobs import Job

_TAG: Final = re.compile(r'(?:W/)?"([\x21\x23-\x7e\x80-\xff]*)"')


def job_tag(job: Job) -> str:
    """Weak: the same job at the same version, although its links are signed afresh at every read."""
    return f'W/"{job.id}-{job.version}"'


def unchanged(request: Request, tag: str) -> Response | None:
    """The answer 304, if the caller has what the tag names."""
    if not is_known(request.headers.get("if-none-match", ""), tag):
        return None
    return Response(status_code=304, headers=tag_headers(tag))


def is_known(header: str, tag: str) -> bool:
    """Whether a header If-None-Match names the tag."""
    return header.strip() == "*" or _opaque(tag) in _TAG.findall(header)


def answer_with_tag(request: Request, content: BaseModel) -> Response:
    """The content under a tag made from it, or 304."""
    tag = content_tag(content)
    return unchanged(request, tag) or JSONResponse(content.model_dump(mode="json"), headers=tag_headers(tag))


def content_tag(content: BaseModel) -> str:
    """Weak: the same content, whatever the bytes."""
    return f'W/"{hashlib.sha256(content.model_dump_json().encode()).hexdigest()[:32]}"'


def tag_headers(tag: str) -> dict[str, str]:
    """The tag, and that a copy must be asked about before it is used."""
    return {"ETag": tag, "Cache-Control": "private, no-cache"}


def _opaque(tag: str) -> str:
    return tag.removeprefix("W/").strip('"')
