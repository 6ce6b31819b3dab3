"""Serves the images as fal's media host does: without key, range or ETag."""

import asyncio
from collections.abc import AsyncIterator, Iterable

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from imagegen.sandbox import responses
from imagegen.sandbox.components import Sandbox
from imagegen.sandbox.connection import TruncatedResponse
from imagegen.sandbox.fault_plans import FaultPlan
from imagegen.sandbox.faults import (
    MediaChunked,
    MediaContentType,
    MediaCorrupt,
    MediaDelay,
    MediaHuge,
    MediaStatus,
    MediaTruncated,
)
from imagegen.sandbox.images import PREFIX
from imagegen.sandbox.padding import padded

_CONTENT_TYPES = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
_PIECE = 64 * 1024
_MEBIBYTE = 1024 * 1024


class MediaRoutes:
    """Serves images, with the faults of the key whose request made the image."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def routes(self) -> list[Route]:
        """The route of the images."""
        return [Route(PREFIX + "{request_id}/{name}", self.image)]

    async def image(self, request: Request) -> Response:
        """Answer with the image's bytes."""
        request_id, name = request.path_params["request_id"], request.path_params["name"]
        found = await self._sandbox.store.find(request_id)
        content_type = _CONTENT_TYPES.get(name.rpartition(".")[2])
        data = await asyncio.to_thread(self._sandbox.files.read, request_id, name) if found and content_type else None
        if found is None or content_type is None or data is None:
            return Response("Not Found", 404)
        self._sandbox.reads[found.id, "media"] += 1
        plan = self._sandbox.plans.of(found.owner)
        if delay := plan.take(MediaDelay):
            await asyncio.sleep(delay.seconds)
        return _served(plan, data, content_type)


def _served(plan: FaultPlan, data: bytes, content_type: str) -> Response:
    match plan.take(MediaStatus, MediaTruncated, MediaChunked, MediaCorrupt, MediaContentType, MediaHuge):
        case MediaStatus() as fault:
            return responses.planned_response(fault.status, f"planned fault {fault.status}", {})
        case MediaTruncated() as fault:
            return _truncated(fault, data, content_type)
        case MediaChunked():
            return _sent([data], None, content_type)
        case MediaCorrupt() as fault:
            other = _OTHER_BYTES[fault.bytes]
            return _sent([other], len(other), content_type)
        case MediaHuge() as fault:
            length = len(data) + fault.mebibytes * _MEBIBYTE if fault.content_length else None
            return _sent(padded(data, fault.mebibytes), length, content_type)
        case labelled:
            return _sent([data], len(data), labelled.content_type if labelled else content_type)


_OTHER_BYTES = {
    "noise": bytes((n * 167 + 13) % 251 for n in range(4096)),
    "html": b"<!doctype html><html><body><h1>Just a moment...</h1></body></html>",
    "nothing": b"",
}


def _truncated(fault: MediaTruncated, data: bytes, content_type: str) -> Response:
    kept = data[: int(len(data) * fault.keep)]
    if fault.length == "kept":
        return _sent([kept], len(kept), content_type)
    return TruncatedResponse(
        200, _headers(len(data) if fault.length == "whole" else None, content_type), _pieces([kept])
    )


def _sent(blocks: Iterable[bytes], length: int | None, content_type: str | None) -> Response:
    return StreamingResponse(_pieces(blocks), headers=_headers(length, content_type))


def _headers(length: int | None, content_type: str | None) -> dict[str, str]:
    given = {"content-length": None if length is None else str(length), "content-type": content_type}
    return {name: value for name, value in given.items() if value is not None}


async def _pieces(blocks: Iterable[bytes]) -> AsyncIterator[bytes]:
    """The blocks in small pieces, so that a slow receiver slows the sender and memory stays small."""
    for block in blocks:
        for start in range(0, len(block), _PIECE):
            yield block[start : start + _PIECE]
