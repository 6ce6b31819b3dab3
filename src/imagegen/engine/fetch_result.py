"""Waiting for fal to end a request, within the job's time limits, and reading its result."""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from imagegen.clock import now
from imagegen.engine.cancellation import STOP_REASONS, ask_to_cancel, limits_of, stop_if_due
from imagegen.engine.lease import JobLease
from imagegen.engine.leased_job import LeasedJob
from imagegen.engine.unreadable_result import read_result
from imagegen.engine.unreadable_status import final_read, handle_unreadable_status
from imagegen.errors import ProviderAnswer, ProviderError, ResultUnavailable
from imagegen.fal import FalClient, Progress
from imagegen.jobs import HoldKind, Job, JobError, ProviderRequest, ProviderResult, StopReason
from imagegen.services import Services
from imagegen.settings import ServiceSettings

_CHECK_EVERY: Final = timedelta(seconds=5)  # the limits and a request to cancel; a wake signal comes sooner
_MIN_PAUSE: Final = timedelta(milliseconds=50)
_CANCELLED: Final = "client_cancelled"
_CANCELLED_STATUS: Final = 499


async def await_result(lease: JobLease, services: Services, *, resumed: bool) -> ProviderResult:
    """Wait for fal to complete the request and read its result at once, because fal forgets it within minutes.

    Args:
        lease: of the job, which is submitted.
        services: fal and the settings.
        resumed: the job was submitted before this run, so its webhook may have arrived already.

    Raises:
        ProviderError: how the request ended.
        JobEnds: the job ends although the request's end cannot be read.
        Postponed: the request's status or its result cannot be read now; the job is held.
    """
    leased = lease.leased
    request = leased.job.submission.request
    assert request is not None
    failure = None
    if leased.job.submission.ended_at is None:
        try:
            ended = await _wait_until_completed(lease, request, services, resumed=resumed)
            if isinstance(ended, ProviderResult):
                return ended
            failure = ended
        except ResultUnavailable as error:
            return await handle_unreadable_status(leased, request, error, services.fal, services.settings)
        except _Unconfirmed:
            return await final_read(leased.job, request, services.fal, "and has not reported the outcome.")
    return await read_result(leased, request, failure, services.fal, services.settings)


def end_if_cancelled(job: Job, error: ProviderError) -> Job | None:
    """The job's end if fal cancelled it because we asked; None if the error is the request's own."""
    is_cancelled = error.answer.error_type == _CANCELLED or error.answer.status == _CANCELLED_STATUS
    if job.stop is None or not is_cancelled:
        return None
    if job.stop.reason is StopReason.CANCELLED:
        return job.cancelled(now())
    reason = STOP_REASONS[job.stop.reason]
    message = f"fal.ai was asked to cancel the request because {reason}, and did. You are not charged."
    return job.failed(JobError(code=job.stop.reason.value, message=message, retryable=True), now())


async def _wait_until_completed(
    lease: JobLease, request: ProviderRequest, services: Services, *, resumed: bool
) -> ProviderResult | ProviderAnswer | None:
    """Return the result if it came first, else when the status is COMPLETED, with the failure that it reports."""
    leased = lease.leased
    read_now = asyncio.Event()
    if resumed:
        read_now.set()
    watch = _Watch(lease, request, read_now, services.fal, services.settings.service)
    hint = read_now if leased.job.submission.webhook_digest is not None else None
    was_unreadable = leased.job.hold is not None and leased.job.hold.kind is HoldKind.STATUS
    if hint is None and not resumed:
        job = leased.job
        wait = services.fal.wait_for_new(job.endpoint, request, job.sent_payload, watch.on_progress)
    else:
        wait = services.fal.wait(request, watch.on_progress, hint=hint, was_unreadable=was_unreadable)
    waiting = asyncio.create_task(wait)
    watching = asyncio.create_task(watch.run())
    try:
        await asyncio.wait({waiting, watching}, return_when=asyncio.FIRST_COMPLETED)
        if watching.done():
            watching.result()  # it ends only by an error
        async with watch.saving:  # a save that is cut off would leave an older job in memory than the stored one
            watching.cancel()
    finally:
        waiting.cancel()
        watching.cancel()
        await asyncio.gather(waiting, watching, return_exceptions=True)
    leased.set_generating_since(watch.generating_since)
    return waiting.result()


class _Unconfirmed(Exception):
    """fal was asked to cancel the request, and its status reports no end within the horizon."""


class _Watch:
    """What runs beside the wait: time limits, the caller's request to cancel, and asking fal to cancel.

    Attributes:
        generating_since: when fal's status first was IN_PROGRESS.
        saving: held while a transition is saved.
    """

    def __init__(
        self,
        lease: JobLease,
        request: ProviderRequest,
        read_now: asyncio.Event,
        fal: FalClient,
        settings: ServiceSettings,
    ) -> None:
        self._lease, self._request, self._read_now = lease, request, read_now
        self._fal, self._settings = fal, settings
        self._is_in_queue = False  # only fal can tell: an earlier run may have missed that fal started
        self._was_asked = False
        self._first_asked_at: datetime | None = None
        self.generating_since: datetime | None = None
        self.saving = asyncio.Lock()

    @property
    def _leased(self) -> LeasedJob:
        return self._lease.leased

    async def on_progress(self, progress: Progress) -> None:
        """Announce what fal reports, and note when it starts generating."""
        self._lease.item.retry_done()
        if self._leased.job.hold is not None:
            async with self.saving:
                await self._leased.save(self._leased.job.held(None))
        self._is_in_queue = progress.state == "in_queue"
        if progress.state == "in_progress" and self.generating_since is None:
            self.generating_since = now()
        await self._leased.announce(
            stage=progress.state, queuePosition=progress.queue_position, logs=list(progress.logs)
        )

    async def run(self) -> None:
        """Check the limits and the caller's request to cancel until cancelled itself."""
        wake = self._leased.wake
        while True:
            if wake.is_set():
                wake.clear()
                await self._leased.refresh_cancel_request()
                self._read_now.set()
            await self._save_generating()
            await self._stop_if_due()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause().total_seconds()):
                    await wake.wait()

    async def _save_generating(self) -> None:
        if self.generating_since is not None and self._leased.job.generating_at is None:
            async with self.saving:
                await self._leased.save(self._leased.job.generating(self.generating_since))

    async def _stop_if_due(self) -> None:
        async with self.saving:
            await stop_if_due(self._leased, self._settings, is_in_queue=self._is_in_queue)
        job = self._leased.job
        if job.stop is None:
            return
        if now() >= self._give_up_at(job.stop.at):
            raise _Unconfirmed
        if not self._was_asked and await ask_to_cancel(job, self._request, self._fal) is not None:
            self._was_asked = True
            self._read_now.set()

    def _give_up_at(self, stopped_at: datetime) -> datetime:
        """When the job ends without fal's response: at the horizon, but not before this run has asked for one."""
        self._first_asked_at = self._first_asked_at or now()
        return max(stopped_at + self._settings.unknown_horizon, self._first_asked_at + _CHECK_EVERY)

    def _pause(self) -> timedelta:
        """How long nothing can become due; at most until the heartbeat has brought a request to cancel."""
        job = self._leased.job
        limits = limits_of(job, self._settings, is_in_queue=self._is_in_queue)
        due = min((moment - now() for moment, _ in limits), default=_CHECK_EVERY) if job.stop is None else _CHECK_EVERY
        return min(max(due, _MIN_PAUSE), _CHECK_EVERY)
