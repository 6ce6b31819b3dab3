"""fal.ai's queue: submit once, wait, read the result, cancel.

The only file that names fal-client, which makes the submit POST. It makes nothing else: its status and result reads
poll ten times a second, lose the response headers and give up on answers that mean "ask again".
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Final
from uuid import uuid4

import fal_client
import httpx
from fal_client.client import USER_AGENT
from pydantic import SecretStr

from imagegen import __version__
from imagegen.errors import (
    AccountRefused,
    ProviderAnswer,
    ProviderRejected,
    ProviderUnavailable,
    SettingsError,
    SubmissionUnknown,
)
from imagegen.fal.addresses import QueueAddress, may_ask_platform
from imagegen.fal.answers import Progress, StatusAnswer, read_accepted
from imagegen.fal.cancelling import Cancelled, read_cancelled
from imagegen.fal.history import History, without_sync_mode
from imagegen.fal.reading import Reads, unreadable
from imagegen.fal.results import reader_of
from imagegen.fal.storage import FalStorage
from imagegen.fal.streams import StreamSlots
from imagegen.fal.transport import Gate, SubmitOnce
from imagegen.fal.waiting import Passing, Patience
from imagegen.fal.watching import Watch, until_hinted, until_polled, until_streamed
from imagegen.fal.wording import Wording
from imagegen.jobs import JsonObject, Priority, ProviderRequest, ProviderResult
from imagegen.settings import FalSettings

# What fal-client raises on an input that cannot become a request, and on an accepted answer that it does not like.
_FAL_CLIENT_STUMBLES: Final = (KeyError, TypeError, ValueError, RecursionError, httpx.InvalidURL)
_CANCEL_ANSWERS: Final = frozenset({400, 404})
_NO_ID: Final = "The answer to the request names no request id"


class Fal:
    """One fal account's queue, and its `storage`. All goes over the shared transport, never closed from here.

    Args:
        settings: the key and where fal is.
        transport: of the process.
        patience: every limit of time and number.
        streams: how many status streams may be open at once (`streams_within`); who finds none free polls.
    """

    def __init__(
        self,
        settings: FalSettings,
        transport: httpx.AsyncBaseTransport,
        patience: Patience | None = None,
        *,
        streams: int = 0,
    ) -> None:
        key = _usable(settings.key)
        self._patience = patience or Patience()
        self._address = QueueAddress(settings.queue_url)
        self._wording = Wording(key)
        self._gate = Gate(transport, self._address)
        self._headers = {
            "Authorization": f"Key {key.get_secret_value()}",
            "Accept-Encoding": "identity",  # a few bytes could become very many
            "User-Agent": f"imagegen/{__version__} {USER_AGENT}",
        }
        self._reads = Reads(self._client(self._gate), self._wording, self._patience)
        self._history = History(
            self._client(transport),
            settings.api_url,
            self._wording,
            self._patience.read,
            may_ask=may_ask_platform(settings),
        )
        self._streams = StreamSlots(streams)
        self.storage = FalStorage(settings.rest_url, key, transport, self._patience)

    @property
    def media_hosts(self) -> frozenset[str]:
        """Where result pictures may be fetched, in the form that `QueueAddress.media_hosts` describes."""
        return self._address.media_hosts

    @property
    def patience(self) -> Patience:
        """Every limit of time and number towards fal."""
        return self._patience

    async def submit(
        self,
        endpoint: str,
        payload: JsonObject,
        before_post: Callable[[], Awaitable[None]] | None = None,
        *,
        webhook_url: str | None = None,
        priority: Priority = Priority.NORMAL,
    ) -> ProviderRequest:
        """Have fal accept one request. At most one POST per call is ever read by fal.

        Args:
            endpoint: fal's endpoint id, such as `fal-ai/flux/dev`.
            payload: the model's input. `sync_mode` is left out: it would leave nothing to read later.
            before_post: awaited right before the POST; what it raises ends the submit, with nothing sent.
            webhook_url: where fal tells that the request ended. It holds a secret: it is in no error and no log.
            priority: low lets every normal request of fal's queue go first.

        Raises:
            SubmissionNotSent: fal certainly has no request; it may be submitted again.
            TooManyOpenFiles: the same, because of this process.
            SubmissionUnknown: the POST left, and nobody knows.
            AccountRefused: fal refuses the account, whatever the request is.
            ProviderRejected: fal refused, or the input is no JSON; nothing is charged.
            ProviderUnavailable: the same, and trying again may help.
        """
        if before_post is not None:
            await before_post()
        return await self._post(endpoint, payload, webhook_url, priority)

    def adopted(self, endpoint: str, request_id: str) -> ProviderRequest:
        """The request with this id, which came by another way than the submit's answer (a webhook, the history)."""
        return self._address.adopted(endpoint, request_id)

    async def history(self, endpoint: str, payload: JsonObject, since: datetime) -> tuple[ProviderRequest, ...]:
        """The requests that fal was sent since then (or up to 30 s before: clocks differ) with exactly this input.

        A request may be listed late, so none found is not none sent. Inputs are compared as JSON, without `sync_mode`.

        Args:
            endpoint: fal's endpoint id.
            payload: as given to `submit`.
            since: the moment of the intent, with a time zone.

        Raises:
            HistoryUnavailable: the list cannot be read: no permission (403), no connection, no inputs in it.
        """
        ids = await self._history.ids_of(endpoint, payload, since)
        return tuple(self.adopted(endpoint, request_id) for request_id in ids)

    async def wait(
        self,
        request: ProviderRequest,
        on_progress: Callable[[Progress], Awaitable[None]],
        *,
        hint: asyncio.Event | None = None,
        doubted: bool = False,
    ) -> ProviderAnswer | None:
        """Return when fal says that the request is completed, which includes failed and cancelled.

        With a hint: the status is read when it is set (it is cleared then), and every minute. Without: over fal's
        status stream, or by polling where no stream is to be had. A status that cannot be read (no connection, 401,
        403, 404, 408, 425, 429, 5xx) is no news; it is logged once.

        Args:
            request: as accepted.
            on_progress: called when fal says something new; its errors end the wait.
            hint: set by whoever receives the request's webhook.
            doubted: an earlier wait could read no status, so that this one ends unless it can read one at once.

        Returns:
            What the status says of the request's failure; None where it says nothing of one.

        Raises:
            StatusUnreadable: no status could be read for 10 s (`Patience.unreadable`); where that is doubted, at once.
            ResultUnavailable: the request's address is not on our fal's host.
            TooManyOpenFiles: this process can ask nothing now.
        """
        patience = replace(self._patience, unreadable=timedelta(0)) if doubted else self._patience
        watch = Watch(on_progress, patience, self._wording, request.request_id)
        read = partial(self._reads.status, request)
        if not (doubted and await watch.look(read)):
            watch.has_time(self._patience)
            await self._follow(watch, request, read, hint)
        return watch.failure

    async def _follow(
        self,
        watch: Watch,
        request: ProviderRequest,
        read: Callable[[], Awaitable[StatusAnswer]],
        hint: asyncio.Event | None,
    ) -> None:
        if hint is not None:
            await until_hinted(watch, read, self._patience, hint)
            return
        with self._streams.one() as has_slot:
            if has_slot and await until_streamed(watch, partial(self._reads.stream, request), self._patience):
                return
        await until_polled(watch, read, self._patience)

    async def result(
        self, request: ProviderRequest, sent: JsonObject | None = None, *, first: bool = False
    ) -> ProviderResult:
        """Read a completed request's result once.

        Args:
            request: as accepted.
            sent: its input; a URL in it is no image of the result.
            first: with less patience, because the job keeps its slot meanwhile.

        Raises:
            ProviderRejected: the model failed on the request, it was cancelled, or there is no image.
            ProviderUnavailable: fal failed on it; a new request may succeed.
            ResultUnavailable: it cannot be read now. It is paid for: try again later.
            TooManyOpenFiles: this process can ask nothing now.
        """
        patience = self._patience
        limit = min(patience.first_read, patience.read) if first else patience.read
        reader = reader_of(dict(sent or {}), self._address.is_media, self._wording)
        return await self._reads.result(request, reader, limit)

    async def cancel(self, request: ProviderRequest) -> Cancelled:
        """Ask fal to stop. It may complete all the same, or be completed or forgotten already: `wait` tells.

        Returns:
            What fal says of it at once.

        Raises:
            ProviderUnavailable: fal could not be asked.
            ResultUnavailable: the request's address is not on our fal's host.
        """
        try:
            response = await self._reads.send("PUT", request.cancel_url)
        except Passing as error:
            raise ProviderUnavailable(error.answer) from error
        if not response.is_success and response.status_code not in _CANCEL_ANSWERS:
            raise ProviderUnavailable(self._reads.refusal(response).answer)
        return read_cancelled(response)

    async def check(self) -> None:
        """Ask, free of charge, whether fal can be reached and takes our key: an unknown request must answer 404.

        Raises:
            ProviderRejected: the key is not valid.
            AccountRefused: the account is refused: locked, without balance.
            ProviderUnavailable: anything else but the 404 (no connection).
        """
        url = self._address.at_home(f"/fal-ai/flux/requests/{uuid4()}/status")
        try:
            response = await self._reads.send("GET", str(url))
        except Passing as error:
            raise ProviderUnavailable(error.answer) from error
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            raise ProviderRejected(self._reads.refusal(response).answer)
        if response.status_code != HTTPStatus.NOT_FOUND:
            refusal = self._reads.refusal(response)
            raise (AccountRefused if refusal.is_account_trouble else ProviderUnavailable)(refusal.answer)

    async def _post(
        self, endpoint: str, payload: JsonObject, webhook_url: str | None, priority: Priority
    ) -> ProviderRequest:
        """One POST through its own door; what fal-client makes of the answer does not matter."""
        wording = self._wording.about(webhook_url)
        door = SubmitOnce(self._gate, self._address, wording, self._patience.submit)
        lowered = "low" if priority is Priority.LOW else None  # fal's own default is normal
        with suppress(*_FAL_CLIENT_STUMBLES):
            await _FalClient(self._client(door)).submit(
                endpoint, without_sync_mode(payload), webhook_url=webhook_url, priority=lowered
            )
        if not door.was_used:
            raise ProviderRejected(ProviderAnswer(message="The input cannot be sent to fal.ai: it is no valid JSON."))
        return self._accepted(door.answer, endpoint, wording)

    def _accepted(self, answer: httpx.Response | None, endpoint: str, wording: Wording) -> ProviderRequest:
        if answer is None:
            raise SubmissionUnknown(ProviderAnswer(message=f"{_NO_ID}."))
        accepted = read_accepted(answer)
        if accepted is None:
            raise SubmissionUnknown(unreadable(_NO_ID, answer, wording))
        name, address = accepted.request_id, self._address
        return ProviderRequest(
            request_id=name,
            status_url=address.of_request(accepted.status_url, endpoint, name, "/status"),
            response_url=address.of_request(accepted.response_url, endpoint, name),
            cancel_url=address.of_request(accepted.cancel_url, endpoint, name, "/cancel"),
        )

    def _client(self, transport: httpx.AsyncBaseTransport) -> httpx.AsyncClient:
        """A client over this transport; it owns nothing, so it need not be closed."""
        return httpx.AsyncClient(transport=transport, headers=self._headers, follow_redirects=False, trust_env=False)


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


def _usable(key: SecretStr | None) -> SecretStr:
    """The key, fit for a header.

    Raises:
        SettingsError: there is none, or it has characters that no key has.
    """
    text = key.get_secret_value().strip() if key is not None else ""
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise SettingsError(["FAL_KEY: expected a key such as id:secret, in plain characters without spaces"])
    return SecretStr(text)
