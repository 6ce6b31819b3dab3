"""fal.ai's queue: submit once, wait, read the result, cancel.

The only file that names fal-client, which makes the submit POST. It makes nothing else: its status and result reads
poll ten times a second, lose the response headers and give up on answers that mean "ask again".
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from http import HTTPStatus
from typing import Final
from uuid import uuid4

import fal_client
import httpx
from fal_client.client import USER_AGENT
from pydantic import SecretStr

from imagegen import __version__
from imagegen.errors import (
    ProviderAnswer,
    ProviderRejected,
    ProviderUnavailable,
    ResultUnavailable,
    SettingsError,
    SubmissionUnknown,
)
from imagegen.fal.addresses import QueueAddress
from imagegen.fal.answers import (
    Refusal,
    StatusAnswer,
    read_accepted,
    read_refusal,
    read_result,
    read_status,
    with_message,
)
from imagegen.fal.storage import FalStorage
from imagegen.fal.transport import NETWORK_FAILURES, Gate, SubmitOnce, timeouts
from imagegen.fal.waiting import Passing, Patience, Progress, until_completed, until_read, while_not_sent
from imagegen.fal.wording import LONGEST_LINE, Wording
from imagegen.jobs import JsonObject, ProviderRequest, ProviderResult
from imagegen.settings import FalSettings

# What fal-client raises on an input that cannot become a request, and on an accepted answer that it does not like.
_FAL_CLIENT_STUMBLES: Final = (KeyError, TypeError, ValueError, RecursionError, httpx.InvalidURL)
# Reads answered like this say nothing of the request: key replaced, account locked, too late, too early, too often.
_PASSING_READS: Final = frozenset({401, 403, 404, 408, 425, 429})
_NEVER_THE_MODELS: Final = frozenset({401, 429})
_STILL_RUNNING: Final = "still in progress"
_CANCEL_ANSWERS: Final = frozenset({400, 404})
_NO_MEDIA: Final = ProviderAnswer(
    message="fal.ai completed the request without a picture.", status=200, error_type="no_media_generated"
)


class Fal:
    """One fal account's queue, and its `storage`. All goes over the shared transport, never closed from here."""

    def __init__(
        self, settings: FalSettings, transport: httpx.AsyncBaseTransport, patience: Patience | None = None
    ) -> None:
        key = _usable(settings.key)
        self._patience = patience or Patience()
        self._address = QueueAddress(settings.queue_url)
        self._wording = Wording(key)
        self._gate = Gate(transport, self._address)
        self._headers = {
            "Authorization": f"Key {key.get_secret_value()}",
            "User-Agent": f"imagegen/{__version__} {USER_AGENT}",
        }
        self._http = self._client(self._gate)
        self.storage = FalStorage(settings.rest_url, key, transport, self._patience)

    @property
    def media_hosts(self) -> frozenset[str]:
        """Where result pictures may be fetched, in the form that `QueueAddress.media_hosts` describes."""
        return self._address.media_hosts

    async def submit(
        self, endpoint: str, payload: JsonObject, before_post: Callable[[], Awaitable[None]] | None = None
    ) -> ProviderRequest:
        """Have fal accept one request. At most one POST per call is ever read by fal.

        Args:
            endpoint: fal's endpoint id, such as `fal-ai/flux/dev`.
            payload: the model's input. `sync_mode` is left out: it would leave nothing to read later.
            before_post: awaited right before each POST; what it raises ends the submit, with nothing sent.

        Raises:
            SubmissionNotSent: fal certainly has no request, after the attempts that `Patience` allows.
            SubmissionUnknown: the POST left, and nobody knows.
            ProviderRejected: fal refused, or the input is no JSON; nothing is charged.
            ProviderUnavailable: the same, and trying again may help.
        """

        async def post() -> ProviderRequest:
            if before_post is not None:
                await before_post()
            return await self._post(endpoint, payload)

        return await while_not_sent(post, self._patience)

    async def wait(self, request: ProviderRequest, on_progress: Callable[[Progress], Awaitable[None]]) -> None:
        """Return when fal says that the request is completed, which includes failed and cancelled.

        A status that cannot be read (no connection, 401, 403, 404, 429, 5xx) is no news; it is logged once.

        Args:
            request: as accepted.
            on_progress: called when fal says something new; its errors end the wait.

        Raises:
            ResultUnavailable: the request's address is not on our fal's host.
        """

        async def tell(status: StatusAnswer) -> None:
            await on_progress(self._progress(status))

        await until_completed(lambda: self._status(request), tell, self._patience, request.request_id)

    async def result(self, request: ProviderRequest) -> ProviderResult:
        """Read a completed request's result, again and again for as long as `Patience.result`.

        Raises:
            ProviderRejected: the model failed on the request, it was cancelled, or there is no picture.
            ProviderUnavailable: fal failed on it, or has forgotten it (`result_expired`); a new request may succeed.
            ResultUnavailable: it cannot be read now. It is paid for: try again later.
        """
        try:
            result = await until_read(lambda: self._result(request), self._patience)
        except Passing as error:
            if error.answer.status == HTTPStatus.NOT_FOUND:
                raise ProviderUnavailable(_expired(error.answer)) from error
            raise ResultUnavailable(error.answer) from error
        if not result.images:
            raise ProviderRejected(_NO_MEDIA)
        return result

    async def cancel(self, request: ProviderRequest) -> None:
        """Ask fal to stop. It may complete all the same, or be completed or forgotten already: `wait` tells.

        Raises:
            ProviderUnavailable: fal could not be asked.
            ResultUnavailable: the request's address is not on our fal's host.
        """
        try:
            response = await self._send("PUT", request.cancel_url)
        except Passing as error:
            raise ProviderUnavailable(error.answer) from error
        if not response.is_success and response.status_code not in _CANCEL_ANSWERS:
            raise ProviderUnavailable(self._refusal(response).answer)

    async def check(self) -> None:
        """Ask, free of charge, whether fal can be reached and takes our key: an unknown request must answer 404.

        Raises:
            ProviderRejected: the key is not valid.
            ProviderUnavailable: anything else but the 404 (an account that is locked, no connection).
        """
        url = self._address.at_home(f"/fal-ai/flux/requests/{uuid4()}/status")
        try:
            response = await self._send("GET", str(url))
        except Passing as error:
            raise ProviderUnavailable(error.answer) from error
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            raise ProviderRejected(self._refusal(response).answer)
        if response.status_code != HTTPStatus.NOT_FOUND:
            raise ProviderUnavailable(self._refusal(response).answer)

    async def _post(self, endpoint: str, payload: JsonObject) -> ProviderRequest:
        """One POST through its own door; what fal-client makes of the answer does not matter."""
        door = SubmitOnce(self._gate, self._address, self._wording, self._patience.submit)
        body = {name: value for name, value in payload.items() if name != "sync_mode"}
        with suppress(*_FAL_CLIENT_STUMBLES):
            await _FalClient(self._client(door)).submit(endpoint, body)
        if not door.was_used:
            raise ProviderRejected(ProviderAnswer(message="The input cannot be sent to fal.ai: it is no valid JSON."))
        return self._accepted(door.answer, endpoint)

    def _accepted(self, answer: httpx.Response | None, endpoint: str) -> ProviderRequest:
        accepted = read_accepted(answer) if answer is not None else None
        if accepted is None:
            raise SubmissionUnknown(self._unreadable("The answer to the request names no request id", answer))
        name, address = accepted.request_id, self._address
        return ProviderRequest(
            request_id=name,
            status_url=address.of_request(accepted.status_url, endpoint, name, "/status"),
            response_url=address.of_request(accepted.response_url, endpoint, name),
            cancel_url=address.of_request(accepted.cancel_url, endpoint, name, "/cancel"),
        )

    async def _status(self, request: ProviderRequest) -> StatusAnswer:
        """Read the status once; raises `Passing` for every answer that is none."""
        url = httpx.URL(request.status_url).copy_merge_params({"logs": "1"})
        response = await self._send("GET", str(url))
        if not response.is_success:
            raise Passing(self._refusal(response).answer)
        status = read_status(response)
        if status is None:
            raise Passing(self._unreadable("The status is not one of fal's", response))
        return status

    async def _result(self, request: ProviderRequest) -> ProviderResult:
        """Read the result once; raises `Passing` where asking again may help, else the request's own error."""
        response = await self._send("GET", request.response_url)
        if response.status_code == HTTPStatus.OK:
            result = read_result(response)
            if result is None:
                raise Passing(self._unreadable("The result is no JSON object", response))
            return result
        refusal = self._refusal(response)
        if _says_nothing(response, refusal):
            raise Passing(refusal.answer)
        raise refusal.as_error()

    async def _send(self, method: str, url: str) -> httpx.Response:
        """One request with the key, answered whole; raises `Passing` if it is not."""
        try:
            async with asyncio.timeout(self._patience.read.total_seconds()):
                return await self._http.request(method, url, timeout=timeouts(self._patience.read))
        except NETWORK_FAILURES as error:
            reason = self._wording.clean(f"{type(error).__name__}: {error}", LONGEST_LINE)
            raise Passing(ProviderAnswer(message=f"fal.ai could not be asked ({reason}).")) from error

    def _client(self, transport: httpx.AsyncBaseTransport) -> httpx.AsyncClient:
        """A client over this transport; it owns nothing, so it need not be closed."""
        return httpx.AsyncClient(transport=transport, headers=self._headers, follow_redirects=False, trust_env=False)

    def _progress(self, status: StatusAnswer) -> Progress:
        if status.status == "IN_QUEUE":
            return Progress(state="in_queue", queue_position=status.queue_position)
        return Progress(state="in_progress", logs=status.log_lines(self._wording))

    def _refusal(self, response: httpx.Response) -> Refusal:
        return read_refusal(response, self._wording)

    def _unreadable(self, problem: str, response: httpx.Response | None) -> ProviderAnswer:
        if response is None:
            return ProviderAnswer(message=f"{problem}.")
        start = self._wording.clean(response.content[: 2 * LONGEST_LINE].decode(errors="replace"), LONGEST_LINE)
        return ProviderAnswer(message=f"{problem}: {start}", status=response.status_code)


class _FalClient(fal_client.AsyncClient):
    """fal-client for a single submit, over our HTTP client instead of the one that it would make.

    Its own is kept for ever, has a pool of 100 connections, and repeats a POST on fal's second domain.
    """

    def __init__(self, http: httpx.AsyncClient) -> None:
        super().__init__(key="")  # never read, and never looked for in the environment
        self._http = http

    @property
    def _client(self) -> Awaitable[httpx.AsyncClient]:  # pyright: ignore[reportIncompatibleVariableOverride] - read-only suffices
        return _ready(self._http)


async def _ready(http: httpx.AsyncClient) -> httpx.AsyncClient:
    return http


def _says_nothing(response: httpx.Response, refusal: Refusal) -> bool:
    """Whether the answer to a result read is about the read (ask again) and not about the request (its end)."""
    if response.status_code in _PASSING_READS:
        return response.status_code in _NEVER_THE_MODELS or not refusal.is_the_models
    still_running = response.status_code == HTTPStatus.BAD_REQUEST and _STILL_RUNNING in refusal.answer.message.lower()
    return still_running or not refusal.is_fals_own


def _expired(answer: ProviderAnswer) -> ProviderAnswer:
    words = f"fal.ai no longer has the result of this completed request ({answer.message})"
    return replace(with_message(answer, words), error_type="result_expired")


def _usable(key: SecretStr | None) -> SecretStr:
    """The key, fit for a header.

    Raises:
        SettingsError: there is none, or it has characters that no key has.
    """
    text = key.get_secret_value().strip() if key is not None else ""
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise SettingsError(["FAL_KEY: expected a key such as id:secret, in plain characters without spaces"])
    return SecretStr(text)
