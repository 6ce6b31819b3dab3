"""Single requests to fal's queue about a request that it has accepted, and whether asking again may help."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from typing import Final

from yarl import URL

from imagegen.errors import (
    ProviderAnswer,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    TooManyOpenFiles,
    is_out_of_files,
)
from imagegen.fal.error_responses import ErrorResponse, read_error_response
from imagegen.fal.errors import StreamUnsupported, TransientError
from imagegen.fal.event_stream import event_data
from imagegen.fal.responses import StatusResponse, read_status
from imagegen.fal.results import ResultReader
from imagegen.fal.sanitize import LONGEST_LINE, Sanitizer
from imagegen.fal.sender import MALFORMED_RESPONSES, NETWORK_FAILURES, parse_stored
from imagegen.fal.timeouts import FalTimeouts
from imagegen.jobs import ProviderRequest, ProviderResult
from imagegen.net.http import (
    MAX_ERROR_BYTES,
    Incoming,
    Request,
    Response,
    Sender,
    chunks_of,
    client_timeout,
    fetch,
    read_response,
)

# Without the model's header, such a response to a result read says nothing about the request: key replaced, account
# locked, timeout, too early, too often. It may come again and again, and the result after all.
_ABOUT_THE_READ: Final = frozenset({401, 402, 403, 407, 408, 425, 429})
_NEVER_FROM_MODEL: Final = frozenset({401, 402, 429})
# fal's own infrastructure gives its errors a type; without one, these come from a gateway on the way to the result.
_GATEWAYS: Final = frozenset({502, 503, 504})
_STILL_RUNNING: Final = "still in progress"
_MODEL_HEADER: Final = "x-fal-request-id"  # fal sets it on the response of the model, or of what runs the model
_LARGE: Final = 256 * 1024  # bytes
_MAX_RESULT_BYTES: Final = 32 * 2**20
_MAX_STREAM_BYTES: Final = 16 * 2**20  # of one stream in its life
_NO_STREAM: Final = frozenset({404, 405, 501})  # there is no stream here, now or later
_EVENT_STREAM: Final = {"Accept": "text/event-stream", "Cache-Control": "no-store"}


class QueueClient:
    """Single requests with the key. Every method raises `TransientError` if asking again may help."""

    def __init__(self, sender: Sender, headers: Mapping[str, str], sanitizer: Sanitizer, timeouts: FalTimeouts) -> None:
        self._sender, self._headers = sender, headers
        self._sanitizer, self._timeouts = sanitizer, timeouts

    async def status(self, request: ProviderRequest) -> StatusResponse:
        """Read the status once; raises `TransientError` for every response that is not a status."""
        response = await self.send("GET", parse_stored(request.status_url).update_query(logs="1"))
        if not response.is_success:
            raise TransientError(self.error_response(response).answer)
        status = read_status(response.content)
        if status is None:
            raise TransientError(self._unreadable("The status is not one of fal's", response))
        return status

    async def result(
        self, request: ProviderRequest, reader: ResultReader, limit: timedelta | None = None
    ) -> ProviderResult:
        """Read the result once, within the limit.

        Raises:
            TransientError: reading again may help.
            ProviderError: how the request ended.
        """
        response = await self.send("GET", parse_stored(request.response_url), most=_MAX_RESULT_BYTES, limit=limit)
        if response.is_success:
            return await self._success(response, reader)
        error = self.error_response(response)
        if _is_too_soon(response, error):
            raise TransientError(error.answer)
        if _is_missing(response, error):
            raise TransientError(error.answer, ProviderUnavailable(_expired(error.answer)))
        if _is_final(response, error):
            raise error.as_error()
        raise TransientError(error.answer, error.as_error() if _may_be_final(response, error) else None)

    async def _success(self, response: Response, reader: ResultReader) -> ProviderResult:
        """The result in a successful response; without the model's header it may not be the model's."""
        if _is_queue_status(response):
            raise TransientError(self._unreadable("The response is not a result", response))
        try:
            result = await _read(reader, response)
        except ProviderError as error:
            if response.status_code == HTTPStatus.OK or _MODEL_HEADER in response.headers:
                raise
            raise TransientError(error.answer, error) from error
        if result is not None:
            return result
        answer = self._unreadable("The result is not a JSON object", response)
        if response.is_truncated:
            answer = replace(answer, message=f"The result has more than {_MAX_RESULT_BYTES} bytes.")
        final = ProviderRejected(answer)
        raise final if _MODEL_HEADER in response.headers else TransientError(answer, final)

    async def stream(self, request: ProviderRequest) -> AsyncGenerator[StatusResponse]:
        """Open the status stream and yield each status. It raises `TransientError` if it ends before COMPLETED.

        Raises:
            StreamUnsupported: there is no stream at this address.
        """
        try:
            incoming = await self._sender.send(self._stream_request(request))
            try:
                await self._check_stream(incoming)
                chunks = chunks_of(incoming)
                async with aclosing(chunks), aclosing(event_data(chunks, _MAX_STREAM_BYTES)) as events:
                    async for data in events:
                        status = read_status(data)
                        if status is not None:
                            yield status
            finally:
                incoming.release()
        except (*NETWORK_FAILURES, *MALFORMED_RESPONSES) as error:
            raise self._no_response(error) from error
        raise TransientError(ProviderAnswer(message="fal.ai's status stream ended before the request did."))

    def _stream_request(self, request: ProviderRequest) -> Request:
        status_url = parse_stored(request.status_url)
        url = status_url.with_path(f"{status_url.raw_path}/stream", encoded=True, keep_query=True)
        return Request(
            method="GET",
            url=url.update_query(logs="1"),
            headers={**self._headers, **_EVENT_STREAM},
            timeout=client_timeout(self._timeouts.stream_silence),
        )

    async def _check_stream(self, incoming: Incoming) -> None:
        is_stream = "text/event-stream" in incoming.headers.get("content-type", "").lower()
        if incoming.status_code in _NO_STREAM or (incoming.is_success and not is_stream):
            raise StreamUnsupported
        if not incoming.is_success:
            raise TransientError(self.error_response(await read_response(incoming, MAX_ERROR_BYTES)).answer)

    async def send(
        self, method: str, url: URL, *, most: int = MAX_ERROR_BYTES, limit: timedelta | None = None
    ) -> Response:
        """Send one request with the key and read its response; raises `TransientError` if there is no whole one.

        At most `most` bytes of a success are read, and `MAX_ERROR_BYTES` of an error.
        """
        limit = limit or self._timeouts.read
        request = Request(method=method, url=url, headers=self._headers, timeout=client_timeout(limit))
        try:
            return await fetch(self._sender, request, limit, most)
        except (*NETWORK_FAILURES, *MALFORMED_RESPONSES) as error:
            raise self._no_response(error) from error

    def _no_response(self, error: Exception) -> TransientError:
        if is_out_of_files(error):
            raise TooManyOpenFiles from None
        reason = self._sanitizer.clean(f"{type(error).__name__}: {error}", LONGEST_LINE)
        return TransientError(ProviderAnswer(message=f"fal.ai could not be asked ({reason})."))

    def error_response(self, response: Response) -> ErrorResponse:
        """What an unsuccessful response says."""
        return read_error_response(response, self._sanitizer)

    def _unreadable(self, problem: str, response: Response) -> ProviderAnswer:
        return unreadable_response(problem, response, self._sanitizer)


def unreadable_response(problem: str, response: Response, sanitizer: Sanitizer) -> ProviderAnswer:
    """The problem, followed by the beginning of a response that cannot be understood."""
    start = sanitizer.clean(response.content[: 2 * LONGEST_LINE].decode(errors="replace"), LONGEST_LINE)
    return ProviderAnswer(message=f"{problem}: {start or 'the response is empty.'}", status=response.status_code)


async def _read(reader: ResultReader, response: Response) -> ProviderResult | None:
    """Read a result; a large one in a thread, because that takes long."""
    if response.is_truncated:
        return None
    if len(response.content) > _LARGE:
        return await asyncio.to_thread(reader.read, response)
    return reader.read(response)


def _is_queue_status(response: Response) -> bool:
    """Whether fal returned a status of its queue in place of the result."""
    may_be = len(response.content) <= _LARGE and b'"status"' in response.content
    status = read_status(response.content) if may_be else None
    return status is not None and status.status != "COMPLETED"


def _is_too_soon(response: Response, error: ErrorResponse) -> bool:
    """Whether fal says that the request has not ended, although its status said so."""
    return response.status_code == HTTPStatus.BAD_REQUEST and _STILL_RUNNING in error.answer.message.lower()


def _is_missing(response: Response, error: ErrorResponse) -> bool:
    """Whether fal's queue says that it has no such result. A model's own 404 names what the model did not find."""
    if response.status_code != HTTPStatus.NOT_FOUND or error.is_from_model or error.answer.error_type is not None:
        return False
    return not error.has_text or (_MODEL_HEADER not in response.headers and "request" in error.answer.message.lower())


def _is_final(response: Response, error: ErrorResponse) -> bool:
    """Whether the response to a result read certainly is the request's end."""
    if _MODEL_HEADER in response.headers:
        return True
    status = response.status_code
    if status in _NEVER_FROM_MODEL or (status in _GATEWAYS and error.answer.error_type is None):
        return False
    if status in _ABOUT_THE_READ or status == HTTPStatus.NOT_FOUND:
        return error.is_from_model
    return error.is_from_fal


def _may_be_final(response: Response, error: ErrorResponse) -> bool:
    """Whether a response without the model's header is the request's end if it comes again and again."""
    if response.status_code in _ABOUT_THE_READ:
        return False
    return error.has_text or HTTPStatus(400) <= response.status_code < HTTPStatus(500)


def _expired(answer: ProviderAnswer) -> ProviderAnswer:
    words = f"fal.ai no longer has the result of this completed request ({answer.message})"
    return replace(answer, message=words, error_type="result_expired")
