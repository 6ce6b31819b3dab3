"""The doors through which requests with fal's key leave: one for everything, and one more for the paid POST."""

import asyncio
from datetime import timedelta
from http import HTTPStatus
from typing import Final

import aiohttp
import httpx

from imagegen.errors import (
    ProviderAnswer,
    ProviderError,
    ResultUnavailable,
    SubmissionNotSent,
    SubmissionUnknown,
    TooManyOpenFiles,
    is_out_of_files,
)
from imagegen.fal.addresses import QueueAddress
from imagegen.fal.answers import read_retry_after
from imagegen.fal.refusals import Refusal, read_refusal, with_message
from imagegen.fal.wording import LONGEST_LINE, Wording

CONNECT: Final = timedelta(seconds=5)  # as fal-client allows for fal's own domains
# What a request that did not end well raises. httpx-aiohttp lets errors through that it has no name for.
NETWORK_FAILURES: Final = (httpx.HTTPError, httpx.StreamError, aiohttp.ClientError, OSError)
_NO_CONNECTION: Final = (
    aiohttp.ClientConnectorError,  # name not found, refused, TLS failed, proxy not reached
    aiohttp.ConnectionTimeoutError,  # no free or no open connection in time
    aiohttp.ClientHttpProxyError,  # the proxy refused to open the tunnel
)
# What else may be raised over a strange answer: a bad address to be redirected to, an unknown charset, a broken cookie.
ODD_ANSWERS: Final = (httpx.InvalidURL, httpx.CookieConflict, RuntimeError, ValueError, LookupError)
# After the POST left, whatever goes wrong on the way back is one and the same thing: nobody knows.
_POST_FAILURES: Final = (*NETWORK_FAILURES, *ODD_ANSWERS)
# Answers of the 4xx family that do not say that nothing was done: too late, in conflict, again, hung up.
_AMBIGUOUS: Final = frozenset({408, 409, 425, 429, 499})


def certainly_not_sent(error: BaseException) -> bool:
    """Whether a request failed before a connection for it existed, so that nobody can have read it.

    httpx's own classes cannot tell: httpx-aiohttp reports a refused connection and a POST that was read and then
    dropped as the same `ConnectTimeout`. Its cause can: aiohttp raises the errors of `_NO_CONNECTION` only from its
    connector, before the request is written.
    """
    return isinstance(error.__cause__, _NO_CONNECTION)


def timeouts(limit: timedelta) -> httpx.Timeout:
    """Timeouts of a request that may take `limit` in all.

    Getting a connection fails before the whole does, for that is the one timeout after which nothing was sent.
    """
    seconds = limit.total_seconds()
    return httpx.Timeout(seconds, pool=seconds / 2, connect=min(CONNECT.total_seconds(), seconds / 2))


class Gate(httpx.AsyncBaseTransport):
    """Lets requests pass to fal's queue and nowhere else, for each of them carries the key.

    A request that certainly could not be sent goes to fal's other domain, where there is one. (fal-client's own
    transport for that must not be used here: it goes by httpx's class and would repeat a POST that fal has read.)
    """

    def __init__(self, transport: httpx.AsyncBaseTransport, address: QueueAddress) -> None:
        self._transport, self._address = transport, address

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request.

        Raises:
            ResultUnavailable: its address is not on our fal's host; nothing was sent.
        """
        if not self._address.owns(request.url):
            raise ResultUnavailable(_FOREIGN)
        try:
            return await self._transport.handle_async_request(request)
        except httpx.TransportError as error:
            backup = self._address.backup(request.url)
            if backup is None or not certainly_not_sent(error):
                raise
        redirect(request, backup)
        return await self._transport.handle_async_request(request)

    async def aclose(self) -> None:
        """Leave the transport open: it is shared."""


class SubmitOnce(httpx.AsyncBaseTransport):
    """Lets exactly one POST through, and returns only when its answer is whole and says yes.

    fal-client repeats a submit up to ten times: after any of httpx's errors, after 408, 409 and 429, and after a
    502, 503 or 504 of nginx. So every outcome but a success is raised from here as one of our own errors, which are
    outside httpx's tree; and a second POST through the same door is refused, whatever fal-client may do one day.

    Attributes:
        was_used: a POST was let through.
        answer: fal's whole answer, if one came.
    """

    def __init__(self, gate: Gate, address: QueueAddress, wording: Wording, limit: timedelta) -> None:
        self._gate, self._address, self._wording, self._limit = gate, address, wording, limit
        self.was_used = False
        self.answer: httpx.Response | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the POST to our fal, whichever host fal-client had in mind.

        Raises:
            SubmissionNotSent: fal certainly has no request.
            TooManyOpenFiles: the same, because of this process.
            SubmissionUnknown: nobody knows.
            ProviderError: fal refused.
        """
        if self.was_used:
            raise SubmissionUnknown(_REPEATED)
        self.was_used = True
        self.answer = await self._exchange(self._addressed(request))
        if not self.answer.is_success:
            raise verdict(self.answer, self._wording)
        return self.answer

    def _addressed(self, request: httpx.Request) -> httpx.Request:
        """The request to send to our fal. The one given loses its query: httpx logs its address, webhook and all."""
        path = request.url.raw_path.decode("ascii")
        redirect(request, self._address.at_home(path.partition("?")[0]))
        sent = httpx.Request(
            request.method, self._address.at_home(path), headers=request.headers, content=request.content
        )
        sent.extensions["timeout"] = timeouts(self._limit).as_dict()
        return sent

    async def _exchange(self, request: httpx.Request) -> httpx.Response:
        """Send and read to the end: an answer that breaks off in its body is as good as none."""
        try:
            async with asyncio.timeout(self._limit.total_seconds()):
                response = await self._gate.handle_async_request(request)
                try:
                    await response.aread()
                finally:
                    await response.aclose()
        except _POST_FAILURES as error:
            raise self._no_answer(error) from None  # the cause's own words may hold what ours leave out
        return response

    def _no_answer(self, error: Exception) -> ProviderError:
        reason = self._wording.clean(f"{type(error).__name__}: {error}", LONGEST_LINE)
        if certainly_not_sent(error):
            if is_out_of_files(error):
                raise TooManyOpenFiles from None
            return SubmissionNotSent(ProviderAnswer(message=f"fal.ai could not be reached ({reason})."))
        return SubmissionUnknown(ProviderAnswer(message=f"fal.ai's answer to the request was lost ({reason})."))

    async def aclose(self) -> None:
        """Leave the transport open: it is shared."""


def redirect(request: httpx.Request, url: httpx.URL) -> None:
    """Send this request to another address."""
    request.url = url
    request.headers["Host"] = url.netloc.decode("ascii")


def verdict(response: httpx.Response, wording: Wording) -> ProviderError:
    """What an answer to the submit that is no success means."""
    refusal = read_refusal(response, wording)
    if refusal.is_account_trouble:
        return refusal.as_refusal_to_submit()
    status, request_id = response.status_code, response.headers.get("x-fal-request-id")
    if status == HTTPStatus.TOO_MANY_REQUESTS and request_id is None:
        return SubmissionNotSent(refusal.answer, read_retry_after(response))
    refused = HTTPStatus(400) <= status < HTTPStatus(500) and status not in _AMBIGUOUS
    if refused or refusal.is_fals_own:
        return refusal.as_error()
    return SubmissionUnknown(_unclear(refusal, response, wording))


def _unclear(refusal: Refusal, response: httpx.Response, wording: Wording) -> ProviderAnswer:
    hints = [
        f"{name} {response.headers[name]}" for name in ("location", "x-fal-request-id") if name in response.headers
    ]
    told = wording.clean(f" ({', '.join(hints)})", LONGEST_LINE) if hints else ""
    words = f"An answer with HTTP status {response.status_code} does not say whether fal.ai accepted the request"
    return with_message(refusal.answer, f"{words} {told}.".replace(" .", "."))


_FOREIGN: Final = ProviderAnswer(
    message="The request's stored address is not on FAL_QUEUE_URL's host, so fal.ai's key was not sent there."
)
_REPEATED: Final = ProviderAnswer(message="fal-client tried to send the request a second time; it was stopped.")
