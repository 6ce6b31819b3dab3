"""What is asked of fal about a request that it has: one read each, and whether asking again may help."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from typing import Final

import httpx
from httpx_sse import EventSource

from imagegen.errors import (
    ProviderAnswer,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    TooManyOpenFiles,
    is_out_of_files,
)
from imagegen.fal.answers import StatusAnswer, read_status
from imagegen.fal.bodies import CUT, MOST_OF_AN_ERROR, Bounded, bounded
from imagegen.fal.refusals import Refusal, read_refusal
from imagegen.fal.results import ResultReader
from imagegen.fal.transport import NETWORK_FAILURES, ODD_ANSWERS, timeouts
from imagegen.fal.waiting import Passing, Patience
from imagegen.fal.watching import NoStream
from imagegen.fal.wording import LONGEST_LINE, Wording
from imagegen.jobs import ProviderRequest, ProviderResult

# A result read that is answered like this, without the model's sign, says nothing of the request: key replaced, account
# locked, too late, too early, too often. Such an answer may come again and again, and the result after all.
_ABOUT_THE_READ: Final = frozenset({401, 402, 403, 407, 408, 425, 429})
_NEVER_THE_MODELS: Final = frozenset({401, 402, 429})
# fal gives the errors of its own infrastructure a type; without one, this is something on the way to the result.
_GATEWAYS: Final = frozenset({502, 503, 504})
_STILL_RUNNING: Final = "still in progress"
_SIGN: Final = "x-fal-request-id"  # fal puts it on what the model, or whatever ran it, answered
_LARGE: Final = 256 * 1024  # bytes
_MOST_OF_A_RESULT: Final = 32 * 2**20
_MOST_OF_A_STREAM: Final = 16 * 2**20  # bytes of one stream in its life
# There is nothing to stream here, today or later.
_NO_STREAM: Final = frozenset({404, 405, 501})
_EVENT_STREAM: Final = {"Accept": "text/event-stream", "Cache-Control": "no-store"}


class Reads:
    """Single reads over a client that carries the key; every method raises `Passing` where asking again may help."""

    def __init__(self, http: httpx.AsyncClient, wording: Wording, patience: Patience) -> None:
        self._http, self._wording, self._patience = http, wording, patience

    async def status(self, request: ProviderRequest) -> StatusAnswer:
        """Read the status once; raises `Passing` for every answer that is none."""
        url = httpx.URL(request.status_url).copy_merge_params({"logs": "1"})
        response = await self.send("GET", str(url))
        if not response.is_success:
            raise Passing(self.refusal(response).answer)
        status = read_status(response.content)
        if status is None:
            raise Passing(self.unreadable("The status is not one of fal's", response))
        return status

    async def result(
        self, request: ProviderRequest, reader: ResultReader, limit: timedelta | None = None
    ) -> ProviderResult:
        """Read the result once, within the limit; raises `Passing` where asking again may help, else how it ended."""
        response = await self.send("GET", request.response_url, most=_MOST_OF_A_RESULT, limit=limit)
        if response.is_success:
            return await self._success(response, reader)
        refusal = self.refusal(response)
        if _is_too_soon(response, refusal):
            raise Passing(refusal.answer)
        if _is_missing(response, refusal):
            raise Passing(refusal.answer, ProviderUnavailable(_expired(refusal.answer)))
        if _is_the_end(response, refusal):
            raise refusal.as_error()
        raise Passing(refusal.answer, refusal.as_error() if _may_be_the_end(response, refusal) else None)

    async def _success(self, response: httpx.Response, reader: ResultReader) -> ProviderResult:
        """The result in an answer that is a success; one without the model's sign may not be the model's."""
        if _says_queued(response):
            raise Passing(self.unreadable("The answer is no result", response))
        try:
            result = await _read(reader, response)
        except ProviderError as error:
            if response.status_code == HTTPStatus.OK or _SIGN in response.headers:
                raise
            raise Passing(error.answer, error) from error
        if result is not None:
            return result
        answer = self.unreadable("The result is no JSON object", response)
        if response.extensions.get(CUT):
            answer = replace(answer, message=f"The result has more than {_MOST_OF_A_RESULT} bytes.")
        raise ProviderRejected(answer) if _SIGN in response.headers else Passing(answer, ProviderRejected(answer))

    async def stream(self, request: ProviderRequest) -> AsyncGenerator[StatusAnswer]:
        """Open the status stream and yield each status that it tells; its end without COMPLETED is `Passing` too.

        Raises:
            NoStream: this address has none.
        """
        status_url = httpx.URL(request.status_url)
        path, mark, query = status_url.raw_path.partition(b"?")
        url = status_url.copy_with(raw_path=path + b"/stream" + mark + query).copy_merge_params({"logs": "1"})
        try:
            async with self._http.stream(
                "GET", url, headers=_EVENT_STREAM, timeout=timeouts(self._patience.silence)
            ) as response:
                await self._check_stream(response)
                response.stream = Bounded(response.stream, _MOST_OF_A_STREAM)
                async with aclosing(EventSource(response).aiter_sse()) as events:
                    async for event in events:
                        status = read_status(event.data.encode(errors="replace"))
                        if status is not None:
                            yield status
        except (*NETWORK_FAILURES, *ODD_ANSWERS) as error:
            raise self._not_asked(error) from error
        raise Passing(ProviderAnswer(message="fal.ai's status stream ended before the request did."))

    async def _check_stream(self, response: httpx.Response) -> None:
        is_stream = "text/event-stream" in response.headers.get("content-type", "").lower()
        if response.status_code in _NO_STREAM or (response.is_success and not is_stream):
            raise NoStream
        if not response.is_success:
            raise Passing(self.refusal(await bounded(response, MOST_OF_AN_ERROR)).answer)

    async def send(
        self, method: str, url: str, *, most: int = MOST_OF_AN_ERROR, limit: timedelta | None = None
    ) -> httpx.Response:
        """One request with the key, answered whole; raises `Passing` if it is not.

        Of a success at most so many bytes are read, of an error fewer; what was cut has the extension `CUT`.
        """
        limit = limit or self._patience.read
        try:
            async with (
                asyncio.timeout(limit.total_seconds()),
                self._http.stream(method, url, timeout=timeouts(limit)) as response,
            ):
                return await bounded(response, most if response.is_success else MOST_OF_AN_ERROR)
        except (*NETWORK_FAILURES, *ODD_ANSWERS) as error:
            raise self._not_asked(error) from error

    def _not_asked(self, error: Exception) -> Passing:
        if is_out_of_files(error):
            raise TooManyOpenFiles from None
        reason = self._wording.clean(f"{type(error).__name__}: {error}", LONGEST_LINE)
        return Passing(ProviderAnswer(message=f"fal.ai could not be asked ({reason})."))

    def refusal(self, response: httpx.Response) -> Refusal:
        """What an answer that is no success says."""
        return read_refusal(response, self._wording)

    def unreadable(self, problem: str, response: httpx.Response) -> ProviderAnswer:
        """What may be shown of an answer that makes no sense."""
        return unreadable(problem, response, self._wording)


def unreadable(problem: str, response: httpx.Response, wording: Wording) -> ProviderAnswer:
    """What may be shown of an answer that makes no sense."""
    start = wording.clean(response.content[: 2 * LONGEST_LINE].decode(errors="replace"), LONGEST_LINE)
    return ProviderAnswer(message=f"{problem}: {start or 'the answer is empty.'}", status=response.status_code)


async def _read(reader: ResultReader, response: httpx.Response) -> ProviderResult | None:
    """Read a result; a large one in a thread, because that takes long."""
    if response.extensions.get(CUT):
        return None
    if len(response.content) > _LARGE:
        return await asyncio.to_thread(reader.read, response)
    return reader.read(response)


def _says_queued(response: httpx.Response) -> bool:
    """Whether an answer in the place of the result is a status of fal's queue."""
    status = read_status(response.content) if len(response.content) <= _LARGE else None
    return status is not None and status.status != "COMPLETED"


def _is_too_soon(response: httpx.Response, refusal: Refusal) -> bool:
    """Whether fal says that the request has not ended, although its status said so."""
    return response.status_code == HTTPStatus.BAD_REQUEST and _STILL_RUNNING in refusal.answer.message.lower()


def _is_missing(response: httpx.Response, refusal: Refusal) -> bool:
    """Whether fal's queue says that it has no such result: a model's own 404 says what it did not find."""
    if response.status_code != HTTPStatus.NOT_FOUND or refusal.is_the_models or refusal.answer.error_type is not None:
        return False
    return not refusal.has_words or (_SIGN not in response.headers and "request" in refusal.answer.message.lower())


def _is_the_end(response: httpx.Response, refusal: Refusal) -> bool:
    """Whether the answer to a result read certainly is the request's end."""
    if _SIGN in response.headers:
        return True
    status = response.status_code
    if status in _NEVER_THE_MODELS or (status in _GATEWAYS and refusal.answer.error_type is None):
        return False
    if status in _ABOUT_THE_READ or status == HTTPStatus.NOT_FOUND:
        return refusal.is_the_models
    return refusal.is_fals_own


def _may_be_the_end(response: httpx.Response, refusal: Refusal) -> bool:
    """Whether an answer without the model's sign is the request's end, if it comes again and again."""
    if response.status_code in _ABOUT_THE_READ:
        return False
    return refusal.has_words or HTTPStatus(400) <= response.status_code < HTTPStatus(500)


def _expired(answer: ProviderAnswer) -> ProviderAnswer:
    words = f"fal.ai no longer has the result of this completed request ({answer.message})"
    return replace(answer, message=words, error_type="result_expired")
