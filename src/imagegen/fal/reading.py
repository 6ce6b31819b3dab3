"""What is asked of fal about a request that it has: one read each, and whether asking again may help."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from http import HTTPStatus
from typing import Final

import httpx
from httpx_sse import EventSource

from imagegen.errors import ProviderAnswer
from imagegen.fal.answers import StatusAnswer, read_status
from imagegen.fal.refusals import Refusal, read_refusal
from imagegen.fal.results import ResultReader
from imagegen.fal.transport import NETWORK_FAILURES, timeouts
from imagegen.fal.waiting import Passing, Patience
from imagegen.fal.watching import NoStream
from imagegen.fal.wording import LONGEST_LINE, Wording
from imagegen.jobs import ProviderRequest, ProviderResult

# Reads answered like this say nothing of the request: key replaced, account locked, too late, too early, too often.
_PASSING_READS: Final = frozenset({401, 403, 404, 408, 425, 429})
_NEVER_THE_MODELS: Final = frozenset({401, 429})
# fal gives the errors of its own infrastructure a type; without one, this is something on the way to the result.
_GATEWAYS: Final = frozenset({502, 503, 504})
_STILL_RUNNING: Final = "still in progress"
_LARGE: Final = 256 * 1024  # bytes
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

    async def result(self, request: ProviderRequest, reader: ResultReader) -> ProviderResult:
        """Read the result once; raises `Passing` where asking again may help, else the request's own error."""
        response = await self.send("GET", request.response_url)
        if response.status_code == HTTPStatus.OK:
            result = await _read(reader, response)
            if result is None:
                raise Passing(self.unreadable("The result is no JSON object", response))
            return result
        refusal = self.refusal(response)
        if _says_nothing(response, refusal):
            raise Passing(refusal.answer)
        raise refusal.as_error()

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
                async with aclosing(EventSource(response).aiter_sse()) as events:
                    async for event in events:
                        status = read_status(event.data.encode(errors="replace"))
                        if status is not None:
                            yield status
        except NETWORK_FAILURES as error:
            raise self._not_asked(error) from error
        raise Passing(ProviderAnswer(message="fal.ai's status stream ended before the request did."))

    async def _check_stream(self, response: httpx.Response) -> None:
        is_stream = "text/event-stream" in response.headers.get("content-type", "").lower()
        if response.status_code in _NO_STREAM or (response.is_success and not is_stream):
            raise NoStream
        if not response.is_success:
            await response.aread()
            raise Passing(self.refusal(response).answer)

    async def send(self, method: str, url: str) -> httpx.Response:
        """One request with the key, answered whole; raises `Passing` if it is not."""
        try:
            async with asyncio.timeout(self._patience.read.total_seconds()):
                return await self._http.request(method, url, timeout=timeouts(self._patience.read))
        except NETWORK_FAILURES as error:
            raise self._not_asked(error) from error

    def _not_asked(self, error: Exception) -> Passing:
        reason = self._wording.clean(f"{type(error).__name__}: {error}", LONGEST_LINE)
        return Passing(ProviderAnswer(message=f"fal.ai could not be asked ({reason})."))

    def refusal(self, response: httpx.Response) -> Refusal:
        """What an answer that is no success says."""
        return read_refusal(response, self._wording)

    def unreadable(self, problem: str, response: httpx.Response) -> ProviderAnswer:
        """What may be shown of an answer that makes no sense."""
        return unreadable(problem, response, self._wording)


async def _read(reader: ResultReader, response: httpx.Response) -> ProviderResult | None:
    """Read a result; a large one in a thread, because that takes long."""
    if len(response.content) > _LARGE:
        return await asyncio.to_thread(reader.read, response)
    return reader.read(response)


def unreadable(problem: str, response: httpx.Response, wording: Wording) -> ProviderAnswer:
    """What may be shown of an answer that makes no sense."""
    start = wording.clean(response.content[: 2 * LONGEST_LINE].decode(errors="replace"), LONGEST_LINE)
    return ProviderAnswer(message=f"{problem}: {start}", status=response.status_code)


def _says_nothing(response: httpx.Response, refusal: Refusal) -> bool:
    """Whether the answer to a result read is about the read (ask again) and not about the request (its end)."""
    if response.status_code in _PASSING_READS:
        return response.status_code in _NEVER_THE_MODELS or not refusal.is_the_models
    if response.status_code in _GATEWAYS and refusal.answer.error_type is None:
        return True
    still_running = response.status_code == HTTPStatus.BAD_REQUEST and _STILL_RUNNING in refusal.answer.message.lower()
    return still_running or not refusal.is_fals_own
