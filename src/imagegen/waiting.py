"""Waiting for fal to end a request, for no longer than the job's limits, and reading its result."""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from imagegen.errors import ProviderAnswer, ProviderError, ResultUnavailable
from imagegen.fal import Progress
from imagegen.holds import JobEnds
from imagegen.jobs import HoldKind, Job, JobError, ProviderRequest, ProviderResult, StopReason
from imagegen.settings import ServiceSettings
from imagegen.stopping import WHY, ask_to_cancel, limits_of, stop_if_due, unconfirmed
from imagegen.turn import Turn
from imagegen.unreadable import after_unreadable_status, read_result
from imagegen.wiring import now

_TICK: Final = timedelta(seconds=5)  # between two looks at limits and wishes; a hint comes sooner
_CANCELLED: Final = "client_cancelled"
_CANCELLED_STATUS: Final = 499


async def result_of(turn: Turn, *, resumed: bool) -> ProviderResult:
    """Wait for fal to complete the request and fetch its answer at once: fal forgets it within minutes.

    Args:
        turn: its job is submitted.
        resumed: it was submitted before this turn, so its webhook may have come already.

    Raises:
        ProviderError: how the request ended.
        JobEnds: the job ends although the request's end cannot be read.
        Postponed: the request's status or its result cannot be read now; the job is held.
    """
    request = turn.job.submission.request
    assert request is not None
    failure = None
    if turn.job.submission.ended_at is None:
        try:
            failure = await _until_ended(turn, request, resumed=resumed)
        except ResultUnavailable as error:
            return await after_unreadable_status(turn, request, error)
    return await read_result(turn, request, failure)


def past_deadline(job: Job) -> JobError | None:
    """Why a job that was not sent yet is not worth sending any more."""
    if job.deadline is None or now() < job.deadline:
        return None
    message = "Its deadlineSeconds passed before it was sent to fal.ai. Nothing was sent and you are not charged."
    return JobError(code=StopReason.DEADLINE_EXCEEDED.value, message=message, retryable=True)


def ended_with(job: Job, error: ProviderError) -> Job | None:
    """The job's end if fal did cancel it because we asked; None if the error is the request's own."""
    cancelled = error.answer.error_type == _CANCELLED or error.answer.status == _CANCELLED_STATUS
    if job.stop is None or not cancelled:
        return None
    if job.stop.reason is StopReason.CANCELLED:
        return job.cancelled(now())
    message = f"fal.ai was asked to cancel the request because {WHY[job.stop.reason]}, and did. You are not charged."
    return job.failed(JobError(code=job.stop.reason.value, message=message, retryable=True), now())


async def _until_ended(turn: Turn, request: ProviderRequest, *, resumed: bool) -> ProviderAnswer | None:
    """Return when fal says that the request is completed, with what it says of a failure."""
    look = asyncio.Event()
    if resumed:
        look.set()
    watch = _Watch(turn, request, look)
    hint = look if turn.job.submission.webhook_digest is not None else None
    doubted = turn.job.hold is not None and turn.job.hold.kind is HoldKind.STATUS
    waiting = asyncio.create_task(turn.services.fal.wait(request, watch.heard, hint=hint, doubted=doubted))
    watching = asyncio.create_task(watch.watch())
    try:
        await asyncio.wait({waiting, watching}, return_when=asyncio.FIRST_COMPLETED)
        if watching.done():
            watching.result()  # it ends by an error only
        async with watch.saving:  # a save that is cut off would leave the turn with an older job than is stored
            watching.cancel()
    finally:
        waiting.cancel()
        watching.cancel()
        await asyncio.gather(waiting, watching, return_exceptions=True)
    turn.note_the_beginning(watch.generating_since)
    return waiting.result()


class _Watch:
    """What goes on beside the wait: limits of time, the caller's wish, and asking fal to cancel.

    Attributes:
        generating_since: when fal was first heard to work on the request.
    """

    def __init__(self, turn: Turn, request: ProviderRequest, look: asyncio.Event) -> None:
        self._turn, self._request, self._look = turn, request, look
        self._is_in_queue = False  # only fal can say so: an earlier turn may have missed that it began
        self.generating_since: datetime | None = None
        self._asked = False
        self.saving = asyncio.Lock()

    async def heard(self, progress: Progress) -> None:
        """Pass on what fal says, and note when it began to work."""
        self._turn.goes_on()
        if self._turn.job.hold is not None:
            async with self.saving:
                await self._turn.save(self._turn.job.held(None))
        self._is_in_queue = progress.state == "in_queue"
        if progress.state == "in_progress" and self.generating_since is None:
            self.generating_since = now()
        await self._turn.announce(stage=progress.state, queuePosition=progress.queue_position, logs=list(progress.logs))

    async def watch(self) -> None:
        """Look at limits and wishes until cancelled."""
        while True:
            if self._turn.nudge.is_set():
                self._turn.nudge.clear()
                await self._turn.look_for_a_wish()
                self._look.set()
            await self._note_the_beginning()
            await self._stop_if_due()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._rest().total_seconds()):
                    await self._turn.nudge.wait()

    async def _note_the_beginning(self) -> None:
        if self.generating_since is not None and self._turn.job.generating_at is None:
            async with self.saving:
                await self._turn.save(self._turn.job.generating(self.generating_since))

    async def _stop_if_due(self) -> None:
        async with self.saving:
            await stop_if_due(self._turn, is_in_queue=self._is_in_queue)
        stop = self._turn.job.stop
        if stop is None:
            return
        if now() - stop.at > self._settings.unknown_horizon:
            raise JobEnds(unconfirmed(self._turn.job, "and has not said what became of it."))
        if not self._asked and await ask_to_cancel(self._turn, self._request) is not None:
            self._asked = True
            self._look.set()

    def _rest(self) -> timedelta:
        """How long nothing can become due; never longer than the heartbeat takes to bring a wish."""
        limits = [moment - now() for moment, _ in self._due()]
        due = min(limits, default=_TICK) if self._turn.job.stop is None else _TICK
        return min(max(due, timedelta(milliseconds=50)), _TICK)

    def _due(self) -> list[tuple[datetime, StopReason]]:
        return limits_of(self._turn.job, self._settings, is_in_queue=self._is_in_queue)

    @property
    def _settings(self) -> ServiceSettings:
        return self._turn.services.settings.service
