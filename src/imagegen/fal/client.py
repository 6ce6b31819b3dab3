"""fal.ai's queue: submit once, wait, read the result, cancel."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Final
from uuid import uuid4

from pydantic import SecretStr
from yarl import URL

from imagegen.errors import (
    AccountRefused,
    ProviderAnswer,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    SettingsError,
)
from imagegen.fal.cancellation import CancelResult, read_cancel_result
from imagegen.fal.durations import Durations
from imagegen.fal.errors import TransientError
from imagegen.fal.history import History
from imagegen.fal.queue_client import QueueClient
from imagegen.fal.responses import Progress, StatusResponse
from imagegen.fal.results import build_reader
from imagegen.fal.sanitize import Sanitizer
from imagegen.fal.sender import HostAllowlistSender, parse_stored
from imagegen.fal.status_tracking import StatusTracker, wait_by_polling, wait_by_stream, wait_for_hints
from imagegen.fal.submit import USER_AGENT, Submitter
from imagegen.fal.timeouts import FalTimeouts
from imagegen.fal.uploads import FalStorage
from imagegen.fal.urls import QueueAddress, may_call_platform_api
from imagegen.jobs import Priority, ProviderRequest, ProviderResult
from imagegen.json_object import JsonObject
from imagegen.net.http import Response, Sender
from imagegen.net.slots import Slots
from imagegen.registry import Output
from imagegen.settings import FalSettings

_CANCEL_STATUSES: Final = frozenset({400, 404})


class FalClient:
    """One fal account's queue, and its file `storage`.

    Args:
        settings: the key and fal's addresses.
        sender: sends the requests.
        timeouts: every limit of time and number.
        streams: how many status streams may be open at once (see `max_streams`); further waits poll.
        outputs: where results have their images, by endpoint, as far as the catalog says.
    """

    def __init__(
        self,
        settings: FalSettings,
        sender: Sender,
        timeouts: FalTimeouts | None = None,
        *,
        streams: int = 0,
        outputs: Mapping[str, Sequence[Output]] | None = None,
    ) -> None:
        self._outputs = dict(outputs or {})
        key = _valid_key(settings.key)
        headers = {"Authorization": f"Key {key.get_secret_value()}", "User-Agent": USER_AGENT}
        self._timeouts = timeouts or FalTimeouts()
        self._address = QueueAddress(settings.queue_url)
        self._sanitizer = Sanitizer(key)
        to_queue = HostAllowlistSender(sender, self._address)
        self._submitter = Submitter(to_queue, self._address, headers, self._sanitizer, self._timeouts.submit)
        self._queue = QueueClient(to_queue, headers, self._sanitizer, self._timeouts)
        self._history = History(
            sender,
            headers,
            settings.api_url,
            self._sanitizer,
            self._timeouts.read,
            is_enabled=may_call_platform_api(settings),
        )
        self._streams = Slots(streams)
        self._durations = Durations(self._timeouts.quick)
        self.storage = FalStorage(settings.rest_url, key, sender, self._timeouts)

    def use_outputs(self, outputs: Mapping[str, Sequence[Output]], endpoints: Collection[str]) -> None:
        """Follow a changed catalog, which has these endpoints.

        The outputs of other endpoints stay known: requests to them may be under way.
        """
        kept = {endpoint: output for endpoint, output in self._outputs.items() if endpoint not in endpoints}
        self._outputs = {**kept, **outputs}

    @property
    def media_hosts(self) -> frozenset[str]:
        """Hosts that result images may be fetched from, in the form that `QueueAddress.media_hosts` describes."""
        return self._address.media_hosts

    @property
    def timeouts(self) -> FalTimeouts:
        """Every limit of time and number towards fal."""
        return self._timeouts

    async def submit(
        self,
        endpoint: str,
        payload: JsonObject,
        before_post: Callable[[], Awaitable[None]] | None = None,
        *,
        webhook_url: str | None = None,
        priority: Priority = Priority.NORMAL,
    ) -> ProviderRequest:
        """Submit one request to fal's queue. fal reads at most one POST per call.

        Args:
            endpoint: fal's endpoint id, such as `fal-ai/flux/dev`.
            payload: the model's input. `sync_mode` is left out, because it would leave no result to read later.
            before_post: awaited right before the POST; an error that it raises ends the submit, with nothing sent.
            webhook_url: called by fal when the request ends. It holds a secret, so no error and no log repeats it.
            priority: low lets every normal request of fal's queue go first.

        Raises:
            SubmissionNotSent: fal certainly has no request; it may be submitted again.
            TooManyOpenFiles: the same, because of this process's limit.
            SubmissionUnknown: the POST left, and no response says whether fal accepted it.
            AccountRefused: fal refuses the account, whatever the request is.
            ProviderRejected: fal refused, or the input is not JSON; nothing is charged.
            ProviderUnavailable: the same, and trying again may help.
        """
        if before_post is not None:
            await before_post()
        return await self._submitter.submit(endpoint, payload, webhook_url, priority)

    def request_with_id(self, endpoint: str, request_id: str) -> ProviderRequest:
        """A request whose id came from a webhook or the history, and not from the response to its submit."""
        return self._address.request_with_id(endpoint, request_id)

    async def find_in_history(self, endpoint: str, payload: JsonObject, since: datetime) -> tuple[ProviderRequest, ...]:
        """Find the requests that fal received since then with exactly this input.

        Requests of the 30 s before `since` are included, because clocks differ. A request may be listed late, so an
        empty result does not prove that none was sent. Inputs are compared as JSON, without `sync_mode`.

        Args:
            endpoint: fal's endpoint id.
            payload: as given to `submit`.
            since: when the submit was intended, with a time zone.

        Raises:
            HistoryUnavailable: the list cannot be read: no permission (403), no connection, no inputs in it.
        """
        ids = await self._history.find_request_ids(endpoint, payload, since)
        return tuple(self.request_with_id(endpoint, request_id) for request_id in ids)

    async def wait_for_new(
        self,
        endpoint: str,
        request: ProviderRequest,
        sent: JsonObject,
        on_progress: Callable[[Progress], Awaitable[None]],
    ) -> ProviderResult | ProviderAnswer | None:
        """Wait for a request that was just submitted, without a webhook.

        Where the endpoint's requests usually complete at the same time within a second, its result is read at that
        time. Only a result with images counts: whatever else comes, the request is waited for as by `wait`.

        Args:
            endpoint: fal's endpoint id.
            request: as accepted.
            sent: its input.
            on_progress: as for `wait`.

        Returns:
            The result if it was read; else what `wait` returns, and the result is still to be read.

        Raises:
            StatusUnreadable: as `wait` describes, and so the others.
            ResultUnavailable: the request's address is not on the host of `FAL_QUEUE_URL`.
            TooManyOpenFiles: this process can open no connection now.
        """
        began = time.monotonic()
        result = await self._read_early(endpoint, request, sent)
        if result is not None:
            return result
        failure = await self.wait(request, on_progress)
        if failure is None:
            self._durations.completed(endpoint, time.monotonic() - began)
        return failure

    async def _read_early(self, endpoint: str, request: ProviderRequest, sent: JsonObject) -> ProviderResult | None:
        waits = self._durations.next_read(endpoint)
        if waits is None:
            return None
        await asyncio.sleep(waits.total_seconds())
        try:
            result = await self.result(request, sent, endpoint=endpoint, is_first=True)
        except ProviderError:
            return None
        self._durations.was_ready(endpoint, waits)
        return result

    async def wait(
        self,
        request: ProviderRequest,
        on_progress: Callable[[Progress], Awaitable[None]],
        *,
        hint: asyncio.Event | None = None,
        was_unreadable: bool = False,
    ) -> ProviderAnswer | None:
        """Wait until fal reports the request as completed, which includes failed and cancelled.

        With a hint, the status is read when the hint is set (it is then cleared), and every minute. Without one, the
        status comes from fal's status stream, or from polling if no stream is available. A status that cannot be read
        (no connection, 401, 403, 404, 408, 425, 429, 5xx) does not end the wait; it is logged once.

        Args:
            request: as accepted.
            on_progress: called when the status changes; its errors end the wait.
            hint: set when the request's webhook arrives.
            was_unreadable: an earlier wait could not read the status, so this one must be able to read it at once.

        Returns:
            fal's error if the status of the completed request reports one, else None.

        Raises:
            StatusUnreadable: no status could be read for 10 s (`FalTimeouts.status_unreadable`), or not at once
                after an earlier wait.
            ResultUnavailable: the request's address is not on the host of `FAL_QUEUE_URL`.
            TooManyOpenFiles: this process can open no connection now.
        """
        limits = replace(self._timeouts, status_unreadable=timedelta(0)) if was_unreadable else self._timeouts
        tracker = StatusTracker(on_progress, limits, self._sanitizer, request.request_id)
        read = partial(self._queue.status, request)
        if not (was_unreadable and await tracker.refresh(read)):
            tracker.set_timeouts(self._timeouts)
            await self._follow(tracker, request, read, hint)
        return tracker.failure

    async def _follow(
        self,
        tracker: StatusTracker,
        request: ProviderRequest,
        read: Callable[[], Awaitable[StatusResponse]],
        hint: asyncio.Event | None,
    ) -> None:
        if hint is not None:
            await wait_for_hints(tracker, read, self._timeouts, hint)
            return
        with self._streams.take() as has_slot:
            if has_slot and await wait_by_stream(tracker, partial(self._queue.stream, request), self._timeouts):
                return
        await wait_by_polling(tracker, read, self._timeouts)

    async def result(
        self,
        request: ProviderRequest,
        sent: JsonObject | None = None,
        *,
        endpoint: str | None = None,
        is_first: bool = False,
    ) -> ProviderResult:
        """Read a completed request's result once.

        Args:
            request: as accepted.
            sent: its input; a URL in it is not an image of the result.
            endpoint: where it was sent, which tells where its images are.
            is_first: use the shorter `FalTimeouts.first_read`, because the job still keeps its slot.

        Raises:
            ProviderRejected: the model failed on the request, it was cancelled, or there is no image.
            ProviderUnavailable: fal failed on it; a new request may succeed.
            ResultUnavailable: it cannot be read now. It is paid for: try again later.
            TooManyOpenFiles: this process can open no connection now.
        """
        timeouts = self._timeouts
        limit = min(timeouts.first_read, timeouts.read) if is_first else timeouts.read
        outputs = self._outputs.get(endpoint or "", ())
        reader = build_reader(dict(sent or {}), self._address.is_media, self._sanitizer, outputs)
        return await self._queue.result(request, reader, limit)

    async def cancel(self, request: ProviderRequest) -> CancelResult:
        """Ask fal to stop a request. It may complete all the same; `wait` reports how it ended.

        Raises:
            ProviderUnavailable: fal could not be asked.
            ResultUnavailable: the request's address is not on the host of `FAL_QUEUE_URL`.
        """
        response = await self._send("PUT", parse_stored(request.cancel_url))
        if not response.is_success and response.status_code not in _CANCEL_STATUSES:
            raise ProviderUnavailable(self._queue.error_response(response).answer)
        return read_cancel_result(response)

    async def check(self) -> None:
        """Check, free of charge, that fal can be reached and accepts the key: an unknown request must return 404.

        Raises:
            ProviderRejected: the key is not valid.
            AccountRefused: the account is refused: locked, without balance.
            ProviderUnavailable: anything else but the 404, such as no connection.
        """
        url = self._address.url_for_path(f"/fal-ai/flux/requests/{uuid4()}/status")
        response = await self._send("GET", url)
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            raise ProviderRejected(self._queue.error_response(response).answer)
        if response.status_code != HTTPStatus.NOT_FOUND:
            error = self._queue.error_response(response)
            raise (AccountRefused if error.is_account_trouble else ProviderUnavailable)(error.answer)

    async def _send(self, method: str, url: URL) -> Response:
        try:
            return await self._queue.send(method, url)
        except TransientError as error:
            raise ProviderUnavailable(error.answer) from error


def _valid_key(key: SecretStr | None) -> SecretStr:
    """The key, fit for a header.

    Raises:
        SettingsError: there is none, or it has characters that no key has.
    """
    text = key.get_secret_value().strip() if key is not None else ""
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise SettingsError(["FAL_KEY: expected a key such as id:secret, in plain characters without spaces"])
    return SecretStr(text)
