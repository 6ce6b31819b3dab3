"""A job under this process's lease: its stored state, and the verbs that change it.

Every step of a run reads `job` and saves its next transition here. A transition is written until MongoDB takes it,
because it may carry the id of a request that is paid for, and is then announced to waiters in all processes.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, TypeVar

from imagegen.clock import backoff, uptime
from imagegen.errors import DatabaseUnavailable, StaleJob
from imagegen.jobs import Job
from imagegen.services import Services

_DATABASE_PATIENCE: Final = timedelta(minutes=10)
_FIRST_PAUSE: Final = timedelta(seconds=0.1)  # between writes to a MongoDB that is down
_LONGEST_PAUSE: Final = timedelta(seconds=5)
T = TypeVar("T")


class LeasedJob:
    """A job whose lease this process holds.

    Attributes:
        job: the job as stored, with the caller's request to cancel as soon as that is known.
        wake: set when another process signals that the job has news: a webhook of fal's, a request to cancel.
    """

    def __init__(self, job: Job, services: Services, wake: asyncio.Event | None = None) -> None:
        self.job = job
        self.wake = wake or asyncio.Event()
        self._jobs, self._queue, self._metrics = services.jobs, services.queue, services.metrics
        self._slots_are_bounded = services.settings.fal.concurrency is not None

    async def save(self, job: Job) -> None:
        """Store a transition and announce it; waits up to ten minutes for a MongoDB that is down.

        Raises:
            StaleJob: the lease has passed to another runner.
            DatabaseUnavailable: MongoDB was down for too long.
        """
        had_slot = self.job.is_open_at_fal
        saved = await _retry_while_down(lambda: self._jobs.save(job))
        self.job = replace(saved, cancel_requested_at=self.job.cancel_requested_at)
        if self.job.status.is_final:
            self._metrics.job_ended(self.job)
        await self.announce()
        if self._slots_are_bounded and had_slot and not self.job.is_open_at_fal:
            await self._queue.announce_free_slot()

    async def save_intent(self, intent: Job, bound: int) -> bool:
        """Store and announce the intent to submit if fewer than `bound` requests are open at fal; False if not.

        Waits for MongoDB and raises as `save` does.
        """
        saved = await _retry_while_down(lambda: self._jobs.save_intent(intent, bound))
        if saved is None:
            return False
        self.job = saved
        await self.announce()
        return True

    async def reread(self) -> None:
        """Read the job again, because a webhook may have stored its late request id; StaleJob if the lease was lost."""
        job = await self._jobs.get(self.job.id)
        is_same_lease = (job.lease.epoch, job.lease.runner) == (self.job.lease.epoch, self.job.lease.runner)
        if not is_same_lease or job.status.is_final:
            raise StaleJob(job.id)
        self.job = job

    async def refresh_cancel_request(self) -> None:
        """Read whether the caller cancels the job; if MongoDB is down, the next heartbeat brings it."""
        with suppress(DatabaseUnavailable):
            self.set_cancel_request(await self._jobs.cancel_requested_at(self.job.id))

    def set_cancel_request(self, since: datetime | None) -> None:
        """Note since when the caller cancels the job."""
        if since is not None:
            self.job = replace(self.job, cancel_requested_at=since)

    def set_generating_since(self, moment: datetime | None) -> None:
        """Note when fal started generating. Saved with the next transition; not worth a write of its own."""
        if self.job.generating_at is None:
            self.job = replace(self.job, generating_at=moment)

    async def announce(self, **progress: object) -> None:
        """Announce the stored state, or progress that is not stored."""
        await self._queue.announce(self.job, **progress)


async def _retry_while_down(write: Callable[[], Awaitable[T]]) -> T:
    """Repeat a write while MongoDB is down, up to a limit."""
    give_up_at = uptime() + _DATABASE_PATIENCE.total_seconds()
    failures = 0
    while True:
        try:
            return await write()
        except DatabaseUnavailable:
            if uptime() > give_up_at:
                raise
            failures += 1
            await asyncio.sleep(backoff(failures, _FIRST_PAUSE, _LONGEST_PAUSE).total_seconds())
