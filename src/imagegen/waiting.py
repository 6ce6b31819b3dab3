"""Waiting for fal to end a request, for no longer than the job's limits, and stopping it when its caller wants that.

A limit of time or a wish does not end a job: fal is asked to cancel, and what fal then says is what holds. A request
that fal completes all the same is stored and charged.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from imagegen.errors import (
    HistoryUnavailable,
    ImagegenError,
    ProviderAnswer,
    ProviderError,
    ProviderUnavailable,
    RequestForgotten,
    ResultUnavailable,
)
from imagegen.fal import Progress
from imagegen.jobs import Job, JobError, ProviderRequest, ProviderResult, StopReason
from imagegen.settings import ServiceSettings
from imagegen.turn import Turn
from imagegen.wiring import now

FORGOTTEN_HORIZON: Final = timedelta(hours=24)
_TICK: Final = timedelta(seconds=5)  # between two looks at limits and wishes; a hint comes sooner
_CANCELLED: Final = "client_cancelled"
_CANCELLED_STATUS: Final = 499
_WHY: Final = {
    StopReason.JOB_TIMEOUT: "fal.ai worked on it for longer than IMAGEGEN_JOB_TIMEOUT",
    StopReason.QUEUE_TIMEOUT: "it waited in fal.ai's queue for longer than IMAGEGEN_QUEUE_TIMEOUT",
    StopReason.DEADLINE_EXCEEDED: "its deadlineSeconds passed",
    StopReason.CANCELLED: "its caller wanted that",
}
_log = logging.getLogger("imagegen.runner")


class StopUnconfirmed(ImagegenError):
    """fal was asked to cancel, and has said for a whole horizon neither that it did nor that it did not."""


class ResultLost(ImagegenError):
    """fal accepted the request, and knows nothing of it any more."""


async def result_of(turn: Turn, *, resumed: bool) -> ProviderResult:
    """Wait for fal to complete the request and fetch its answer at once: fal forgets it within minutes.

    Args:
        turn: its job is submitted.
        resumed: it was submitted before this turn, so its webhook may have come already.

    Raises:
        ProviderError: how the request ended, or that its end cannot be read now.
        StopUnconfirmed: fal does not say what became of a cancellation.
        ResultLost: fal has lost the request.
    """
    request = turn.job.submission.request
    assert request is not None
    try:
        await _until_ended(turn, request, resumed=resumed)
    except RequestForgotten as forgotten:
        return await _last_look(turn, request, forgotten)
    return await turn.services.fal.result(request, turn.job.sent)


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
    message = f"fal.ai was asked to cancel the request because {_WHY[job.stop.reason]}, and did. You are not charged."
    return job.failed(JobError(code=job.stop.reason.value, message=message, retryable=True), now())


async def _until_ended(turn: Turn, request: ProviderRequest, *, resumed: bool) -> None:
    """Return when fal says that the request is completed, which includes failed and cancelled."""
    look = asyncio.Event()
    if resumed:
        look.set()
    watch = _Watch(turn, request, look)
    hint = look if turn.job.submission.webhook_digest is not None else None
    waiting = asyncio.create_task(turn.services.fal.wait(request, watch.heard, hint=hint))
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
    waiting.result()


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
        reason = _reason_to_stop(self._turn.job, self._due())
        if self._turn.job.stop is None and reason is not None:
            _log.info("job %s: cancelling at fal.ai, because %s", self._turn.job.id, _WHY[reason])
            async with self.saving:
                await self._turn.save(self._turn.job.stopping(reason, now()))
        stop = self._turn.job.stop
        if stop is None:
            return
        if now() - stop.at > self._settings.unknown_horizon:
            raise StopUnconfirmed(
                f"fal.ai was asked to cancel the request because {_WHY[stop.reason]}, and has not said what became of "
                "it. fal.ai may have billed it; you are not charged."
            )
        if not self._asked:
            await self._ask_fal()

    async def _ask_fal(self) -> None:
        try:
            await self._turn.services.fal.cancel(self._request)
        except (ProviderUnavailable, ResultUnavailable) as error:
            _log.warning("job %s: fal.ai could not be asked to cancel: %s; trying again", self._turn.job.id, error)
        else:
            self._asked = True
            self._look.set()

    def _rest(self) -> timedelta:
        """How long nothing can become due; never longer than the heartbeat takes to bring a wish."""
        limits = [moment - now() for moment, _ in self._due()]
        due = min(limits, default=_TICK) if self._turn.job.stop is None else _TICK
        return min(max(due, timedelta(milliseconds=50)), _TICK)

    def _due(self) -> list[tuple[datetime, StopReason]]:
        return _limits(self._turn.job, self._settings, is_in_queue=self._is_in_queue)

    @property
    def _settings(self) -> ServiceSettings:
        return self._turn.services.settings.service


def _reason_to_stop(job: Job, limits: Sequence[tuple[datetime, StopReason]]) -> StopReason | None:
    if job.cancel_requested_at is not None:
        return StopReason.CANCELLED
    moment = now()
    passed = [(limit, reason) for limit, reason in limits if limit <= moment]
    return min(passed)[1] if passed else None


def _limits(job: Job, settings: ServiceSettings, *, is_in_queue: bool) -> list[tuple[datetime, StopReason]]:
    """When fal is to be asked to cancel, and why."""
    limits: list[tuple[datetime, StopReason]] = []
    if job.deadline is not None:
        limits.append((job.deadline, StopReason.DEADLINE_EXCEEDED))
    if job.generating_at is not None:
        limits.append((job.generating_at + settings.job_timeout, StopReason.JOB_TIMEOUT))
    elif is_in_queue and settings.queue_timeout is not None and job.submission.intended_at is not None:
        limits.append((job.submission.intended_at + settings.queue_timeout, StopReason.QUEUE_TIMEOUT))
    return limits


async def _last_look(turn: Turn, request: ProviderRequest, forgotten: RequestForgotten) -> ProviderResult:
    """Read the result of a request whose status fal has forgotten; lost only if fal knows nothing else of it either."""
    try:
        return await turn.services.fal.result(request, turn.job.sent)
    except ProviderUnavailable as error:
        if error.answer.error_type != "result_expired":
            raise
    if await _is_listed(turn.job, request, turn):
        raise ResultUnavailable(_LISTED) from forgotten
    raise ResultLost(
        f"fal.ai accepted this request as {request.request_id}, and has since known neither its status nor its result. "
        "It was not sent again. fal.ai may have billed it; you are not charged."
    ) from forgotten


async def _is_listed(job: Job, request: ProviderRequest, turn: Turn) -> bool:
    """Whether fal's history still has the request, and waiting for it makes sense."""
    since = job.submission.intended_at
    assert since is not None
    if now() - since > FORGOTTEN_HORIZON:
        return False
    try:
        listed = await turn.services.fal.history(job.endpoint, job.sent, since)
    except HistoryUnavailable:
        return False
    return request.request_id in {found.request_id for found in listed}


_LISTED: Final = ProviderAnswer(message="fal.ai lists the request, and does not tell how it is.")
