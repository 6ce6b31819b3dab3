"""A turn: this process's lease on one job, kept alive by a heartbeat, through which every move is saved.

Whatever interrupts a turn, the job goes on from its stored state, in this process or in another.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, TypeVar

from imagegen.errors import (
    DatabaseUnavailable,
    ImagegenError,
    StaleJob,
    TooManyOpenFiles,
    Unavailable,
    is_out_of_files,
)
from imagegen.job_news import FREE_SLOT
from imagegen.jobs import Hold, HoldKind, Job, JsonObject, Priority, SubmissionState
from imagegen.queue import Delivery
from imagegen.wiring import Services, now

_HEARTBEATS_PER_LEASE: Final = 3
_SAFE_PART: Final = 0.8
_DATABASE_PATIENCE: Final = timedelta(minutes=10)
_LOOK_FOR_A_SLOT: Final = timedelta(seconds=1)  # when no news of a free one came
_AFTER_YOU: Final = timedelta(milliseconds=100)  # a request of low priority leaves a free slot to the others so long
T = TypeVar("T")
_log = logging.getLogger("imagegen.runner")


class Postponed(ImagegenError):
    """The job cannot go on now; it is handed back and comes again after `delay`.

    `is_held` says that it waits for a reason of its own, and not, as others do, for a server that all need.
    """

    def __init__(self, reason: str, delay: timedelta, *, is_held: bool = False) -> None:
        super().__init__(reason)
        self.delay, self.is_held = delay, is_held


class Turn:
    """This process's lease on one job, asked for when `uptime` was `asked_at`. `job` is always the job as stored.

    `nudge` is set when another process has something to tell about the job: a webhook of fal's, a wish to cancel.
    """

    def __init__(
        self, job: Job, services: Services, delivery: Delivery, asked_at: float, nudge: asyncio.Event | None = None
    ) -> None:
        self.job, self.services, self._delivery = job, services, delivery
        self.nudge = nudge or asyncio.Event()
        self._lease = services.settings.service.lease
        self._renewed_at = asked_at
        if job.submission.state is not SubmissionState.NONE:
            delivery.settled()

    async def demand_the_lease(self) -> None:
        """Right before a POST that is paid for: raise StaleJob unless nobody else can hold the lease.

        Holds also after this process or the machine was suspended, since `uptime` went on meanwhile.
        """
        if uptime() - self._renewed_at > self._lease.total_seconds() * _SAFE_PART:
            raise StaleJob(self.job.id)

    async def save(self, job: Job) -> None:
        """Store a move and announce it.

        Waits for a MongoDB that is down: the move may carry the id of a request that was paid for.

        Raises:
            StaleJob: the lease has passed to somebody else.
        """
        was_open = self.job.is_open_at_fal
        saved = await _patiently(lambda: self.services.jobs.save(job))
        self.job = replace(saved, cancel_requested_at=self.job.cancel_requested_at)
        if self.job.status.is_final:
            self.services.metrics.job_ended(self.job)
        await self.services.queue.announce(self.job)
        if was_open and not self.job.is_open_at_fal and self.services.settings.fal.concurrency is not None:
            await self.services.queue.announce_a_free_slot()

    async def save_intent(self, payload: JsonObject, webhook_digest: str | None) -> None:
        """Store the intent to submit, once fewer than FAL_CONCURRENCY requests are open at fal; then submit at once.

        Args:
            payload: what will be sent.
            webhook_digest: of the secret in the address for fal's webhook; None if it is given none.

        Raises:
            Postponed: the process was told to end meanwhile, or the job's deadline passed.
            StaleJob: the lease has passed to somebody else.
        """
        bound = self.services.settings.fal.concurrency

        def intent() -> Job:
            return self.job.submitting(now(), webhook_digest, payload=payload)

        if bound is None:
            await self.save(intent())
        else:
            self.job = await self._with_a_slot(bound, intent)
            await self.services.queue.announce(self.job)
        self._delivery.settled()

    async def _with_a_slot(self, bound: int, intent: Callable[[], Job]) -> Job:
        with self.services.queue.news.of(FREE_SLOT) as freed:
            while True:
                freed.clear()
                await self.demand_the_lease()
                job = await _patiently(lambda: self.services.jobs.save_intent(intent(), bound))
                if job is not None:
                    return job
                with self._delivery.aside():
                    await self._until_a_slot_may_be_free(freed)
                if not freed.is_set():
                    await self._note_the_slot(bound)

    async def _note_the_slot(self, bound: int) -> None:
        """Say in the job what it waits for, once: most find a slot sooner."""
        if self.job.hold is None or self.job.hold.kind is not HoldKind.SLOT:
            reason = f"{bound} requests are open there (FAL_CONCURRENCY)"
            await self.save(self.job.held(Hold.after(None, HoldKind.SLOT, reason, now())))

    async def _until_a_slot_may_be_free(self, freed: asyncio.Event) -> None:
        stopping = self.services.stopping
        await either(freed, stopping, at_most=_LOOK_FOR_A_SLOT)
        if stopping.is_set():
            raise Postponed("the process is told to end", timedelta(0))
        if self.job.deadline is not None and now() >= self.job.deadline:
            raise Postponed("its deadline has passed", timedelta(0))
        if self.job.priority is Priority.LOW:
            await asyncio.sleep(_AFTER_YOU.total_seconds())

    async def reread(self) -> None:
        """Read the job again, which somebody else may have given a late id; StaleJob if the lease has passed on."""
        job = await self.services.jobs.get(self.job.id)
        same = (job.lease.epoch, job.lease.runner) == (self.job.lease.epoch, self.job.lease.runner)
        if not same or job.status.is_final:
            raise StaleJob(job.id)
        self.job = job

    async def look_for_a_wish(self) -> None:
        """Read whether the caller wants the job cancelled; a MongoDB that is down leaves that to the heartbeat."""
        with suppress(DatabaseUnavailable):
            self._wished(await self.services.jobs.wish(self.job.id))

    def _wished(self, since: datetime | None) -> None:
        if since is not None:
            self.job = replace(self.job, cancel_requested_at=since)

    def note_the_beginning(self, generating_since: datetime | None) -> None:
        """fal began to work on the request then. Stored with the next move: it is worth none of its own any more."""
        if self.job.generating_at is None:
            self.job = replace(self.job, generating_at=generating_since)

    def goes_on(self) -> None:
        """What it is tried again for was had: it does not count among the jobs that are tried again any more."""
        self._delivery.goes_on()

    async def announce(self, **progress: object) -> None:
        """Tell whoever waits how far the job is, without storing it."""
        await self.services.queue.announce(self.job, **progress)

    async def keep_alive(self) -> None:
        """Renew the lease and put off the redelivery until cancelled; StaleJob when the lease is lost."""
        while not self.job.status.is_final:
            await asyncio.sleep(self._lease.total_seconds() / _HEARTBEATS_PER_LEASE)
            await self._delivery.still_working()
            asked_at = uptime()
            try:
                self._wished(await self.services.jobs.renew(self.job, self._lease))
            except DatabaseUnavailable:
                continue  # while MongoDB is down nobody else can take the lease either
            except StaleJob:
                if self.job.status.is_final:
                    return
                raise
            self._renewed_at = asked_at


@asynccontextmanager
async def take_turn(job: Job, services: Services, delivery: Delivery, asked_at: float) -> AsyncGenerator[Turn]:
    """Hold the lease while the body runs, and hand it back cleanly when the job could not end.

    Args:
        job: as claimed.
        services: where it is kept.
        delivery: the message that named it.
        asked_at: `uptime` before the claim was sent; the lease began no earlier.

    Raises:
        StaleJob: the lease was lost while the body ran; the body was stopped.
    """
    with services.queue.nudges.of(job.id) as nudge:
        turn = Turn(job, services, delivery, asked_at, nudge)
        try:
            async with _kept_alive(turn):
                yield turn
        except asyncio.CancelledError:
            await _hand_back_at_the_end(turn, delivery)
            raise
        except (Postponed, Unavailable) as pause:
            was_sent = turn.job.submission.state is not SubmissionState.NONE
            if was_sent or (isinstance(pause, Postponed) and pause.is_held):
                delivery.is_held(turn.job)
            await services.jobs.hand_back(turn.job)
            raise
        except (OSError, ExceptionGroup) as error:
            if not is_out_of_files(error):
                raise
            await services.jobs.hand_back(turn.job)
            raise TooManyOpenFiles from error


@asynccontextmanager
async def _kept_alive(turn: Turn) -> AsyncGenerator[None]:
    """Renew the lease beside the body. When it is lost, the body is stopped and StaleJob raised in its place."""
    body = asyncio.current_task()
    assert body is not None
    heartbeat = asyncio.create_task(_beat(turn, body), name=f"heartbeat {turn.job.id}")
    try:
        yield
    except asyncio.CancelledError:
        failure = _failure(heartbeat)
        if failure is None or body.uncancel():
            raise
        raise failure from None
    finally:
        heartbeat.cancel()


async def _beat(turn: Turn, body: asyncio.Task[object]) -> None:
    """Stops the body in the same step as it fails: a callback could come after the body has moved on."""
    try:
        await turn.keep_alive()
    except Exception:
        body.cancel("the lease was lost")
        raise


async def _patiently(store: Callable[[], Awaitable[T]]) -> T:
    """Wait for a MongoDB that is down, up to a limit."""
    give_up_at = uptime() + _DATABASE_PATIENCE.total_seconds()
    pause = 0.1
    while True:
        try:
            return await store()
        except DatabaseUnavailable:
            if uptime() > give_up_at:
                raise
            await asyncio.sleep(pause)
            pause = min(2 * pause, 5)


async def either(*events: asyncio.Event, at_most: timedelta) -> None:
    """Wait until one of the events is set, or until the time is over."""
    waits = {asyncio.create_task(event.wait()) for event in events}
    try:
        await asyncio.wait(waits, timeout=at_most.total_seconds(), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


async def _hand_back_at_the_end(turn: Turn, delivery: Delivery) -> None:
    """The process is ending: let somebody else go on at once."""
    try:
        await turn.services.jobs.hand_back(turn.job)
    except DatabaseUnavailable as error:
        _log.warning("job %s could not be handed back: %s", turn.job.id, error)
    if turn.job.is_open_at_fal:
        await delivery.pass_on(turn.job)
    else:
        await delivery.hand_back(timedelta(0))


def _failure(heartbeat: asyncio.Task[None]) -> BaseException | None:
    return heartbeat.exception() if heartbeat.done() and not heartbeat.cancelled() else None


def uptime() -> float:
    """Seconds on a clock that goes on while the process is stopped or the machine sleeps."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)
