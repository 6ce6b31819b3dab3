"""Sends stored images through the service: in pieces, to a bounded number of readers, none of which may be slow."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from typing import Final, cast

from fastapi import Request
from fastapi.responses import Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from imagegen.api.http.byte_ranges import ByteRange, requested_range
from imagegen.api.http.delivery import CONNECTION, Connection
from imagegen.api.http.problems import RETRY_AFTER, HttpProblem
from imagegen.errors import ObjectStoreUnavailable
from imagegen.jobs import StoredImage
from imagegen.net.slots import Slots
from imagegen.services import Services

# A page of any origin may read what a link without a key leads to, for example onto a canvas.
FOR_ALL_ORIGINS: Final = {"Access-Control-Allow-Origin": "*"}
# A browser runs nothing that an image may contain.
LOCKED: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Referrer-Policy": "no-referrer",
}
# uvicorn takes a piece once the one before has left at least 48 KiB of its buffer, so this is about 5 KiB/s.
LONGEST_SEND: Final = 10.0  # seconds
_CLOSING: Final = 5.0  # seconds within which the server sees that a connection is closed
_log = logging.getLogger("imagegen.images")
Open = Callable[[], AbstractAsyncContextManager[AsyncIterator[bytes]]]


def image_response(
    request: Request,
    services: Services,
    image: StoredImage,
    headers: Mapping[str, str],
    *,
    is_head: bool,
    ranges: bool = True,
) -> Response:
    """The image or, with `ranges`, the range of its bytes that the request asks for. HEAD reads nothing from S3.

    Raises:
        HttpProblem: no byte is in the range.
    """
    tag = f'"{image.sha256}"'
    wanted = ""
    if ranges and not is_head and request.headers.get("if-range", tag) == tag:
        wanted = request.headers.get("range", "")
    found = requested_range(wanted, image.size_bytes)
    headers = {**headers, **LOCKED, "ETag": tag, "Content-Type": image.content_type}
    if ranges:
        headers["Accept-Ranges"] = "bytes"
    if found is None:
        detail = f"The image has {image.size_bytes} bytes, and none of them is in the range."
        told = {name: headers[name] for name in FOR_ALL_ORIGINS if name in headers}
        told["Content-Range"] = f"bytes */{image.size_bytes}"
        raise HttpProblem(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "range_not_satisfiable", detail, told)
    headers["Content-Length"] = str(found.length)
    if not found.is_whole:
        headers["Content-Range"] = found.content_range
    status = HTTPStatus.OK if found.is_whole else HTTPStatus.PARTIAL_CONTENT
    if is_head:
        return Response(status_code=status, headers=headers)
    return _ImageStream(request, services, image=image, part=found, status=status, headers=headers)


class _ImageStream(StreamingResponse):
    """Holds a slot until the image has been sent, and ends the connection of a reader that is too slow."""

    def __init__(
        self,
        request: Request,
        services: Services,
        *,
        image: StoredImage,
        part: ByteRange,
        status: HTTPStatus,
        headers: Mapping[str, str],
    ) -> None:
        super().__init__((), status_code=status, headers=headers)
        self._slots = cast("Slots", request.state.download_slots)
        self._holder = request.client.host if request.client else "unknown"
        self._connection: Connection | None = request.scope.get(CONNECTION)
        self._services, self._image, self._part = services, image, part

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        with self._slots.take(self._holder) as has_slot:
            if not has_slot:
                detail = (
                    "Too many images are being sent (IMAGEGEN_MAX_DOWNLOADS), or too many of them to your address. "
                    "Try again later."
                )
                raise HttpProblem(HTTPStatus.SERVICE_UNAVAILABLE, "too_many_downloads", detail, RETRY_AFTER)
            await super().__call__(scope, receive, send)

    async def stream_response(self, send: Send) -> None:
        """Send the head once S3 has answered, and then the pieces."""
        async with self._services.images.open(self._image.key, self._part.first, self._part.last) as pieces:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            try:
                async for piece in pieces:
                    await _send_in_time(send, piece, more=True)
                await _send_in_time(send, b"", more=False)
            except TimeoutError:
                self._services.metrics.slow_reader_cut()
                _log.info("the reader of an image was too slow and was cut off")
                await self._break_off()
            except ObjectStoreUnavailable as error:
                _log.warning("an image was not sent to its end: %s", error)
                await self._break_off()

    async def _break_off(self) -> None:
        """Reset the connection, because the response has begun. Then the server cancels this."""
        if self._connection is not None:
            self._connection.abort()
            await asyncio.sleep(_CLOSING)


async def _send_in_time(send: Send, piece: bytes, *, more: bool) -> None:
    message: Message = {"type": "http.response.body", "body": piece, "more_body": more}
    async with asyncio.timeout(LONGEST_SEND):
        await send(message)
