"""The lease of this process on one job, kept alive by a heartbeat while the job runs.

Only the holder of the lease saves transitions and pays for a request. Whatever interrupts a run, the job continues from
its stored state, in this process or in another.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from imagegen.clock import uptime
from imagegen.engine.interruptions import Postponed
from imagegen.engine.leased_job import LeasedJob
from imagegen.errors import DatabaseUnavailable, StaleJob, TooManyOpenFiles, Unavailable, is_out_of_files
from imagegen.jobs import Job, SubmissionState
from imagegen.queue import WorkItem
from imagegen.services import Services
from imagegen.storage.jobs.store import Jobs

_HEARTBEATS_PER_LEASE: Final = 3
_SAFE_PART: Final = 0.8
_log = logging.getLogger("imagegen.runner")


class JobLease:
    """The lease and its renewals.

    Args:
        leased: the job.
        item: the job in the queue; its redelivery is delayed with each renewal.
        jobs: where the lease is stored.
        duration: how long the lease lasts without a renewal.
        requested_at: `uptime` before the claim was sent; the lease began no earlier.
    """

    def __init__(self, leased: LeasedJob, item: WorkItem, jobs: Jobs, duration: timedelta, requested_at: float) -> None:
        self.leased, self.item = leased, item
        self._jobs, self._duration = jobs, duration
        self._renewed_at = requested_at

    async def require(self) -> None:
        """Raise StaleJob unless this process certainly holds the lease; called right before a POST that is paid for.

        Also correct after this process or the machine was suspended, because `uptime` goes on meanwhile.
        """
        if uptime() - self._renewed_at > self._duration.total_seconds() * _SAFE_PART:
            raise StaleJob(self.leased.job.id)

    async def keep_alive(self) -> None:
        """Renew the lease and delay the job's redelivery until cancelled; StaleJob when the lease is lost."""
        while not self.leased.job.status.is_final:
            await asyncio.sleep(self._duration.total_seconds() / _HEARTBEATS_PER_LEASE)
            await self.item.still_working()
            requested_at = uptime()
            try:
                self.leased.set_cancel_request(await self._jobs.renew(self.leased.job, self._duration))
            except DatabaseUnavailable:
                continue  # while MongoDB is down, no other runner can take the lease either
            except StaleJob:
                if self.leased.job.status.is_final:
                    return
                raise
            self._renewed_at = requested_at

    async def hand_back(self) -> None:
        """Give the lease up, so that any runner may take the job at once."""
        await self._jobs.release_lease(self.leased.job)

    async def hand_back_at_shutdown(self) -> None:
        """Give the lease up and have the job delivered to another process at once.

        One that was sent to fal goes before new jobs: their lanes may wait for a slot at fal.
        """
        job = self.leased.job
        try:
            await self.hand_back()
        except DatabaseUnavailable as error:
            _log.warning("job %s could not be handed back: %s", job.id, error)
        if job.submission.state is SubmissionState.NONE:
            await self.item.hand_back(timedelta(0))
        else:
            await self.item.requeue_open(job)


@asynccontextmanager
async def hold_lease(job: Job, services: Services, item: WorkItem, requested_at: float) -> AsyncGenerator[JobLease]:
    """Keep the lease alive while the body runs, and hand it back if the job could not end.

    Args:
        job: as claimed.
        services: the stores, the queue and the settings.
        item: the job in the queue.
        requested_at: `uptime` before the claim was sent.

    Raises:
        StaleJob: the lease was lost while the body ran; the body was stopped.
    """
    with services.queue.wake_signals.signal(job.id) as wake:
        if job.submission.state is not SubmissionState.NONE:
            item.release_priority()
        leased = LeasedJob(job, services, wake)
        lease = JobLease(leased, item, services.jobs, services.settings.service.lease, requested_at)
        try:
            async with _kept_alive(lease):
                yield lease
        except asyncio.CancelledError:
            await lease.hand_back_at_shutdown()
            raise
        except (Postponed, Unavailable) as pause:
            was_sent = leased.job.submission.state is not SubmissionState.NONE
            if was_sent or (isinstance(pause, Postponed) and pause.is_held):
                item.mark_held(leased.job)
            await lease.hand_back()
            raise
        except (OSError, ExceptionGroup) as error:
            if not is_out_of_files(error):
                raise
            await lease.hand_back()
            raise TooManyOpenFiles from error


@asynccontextmanager
async def _kept_alive(lease: JobLease) -> AsyncGenerator[None]:
    """Run the heartbeat beside the body. When the lease is lost, stop the body and raise StaleJob in its place."""
    body = asyncio.current_task()
    assert body is not None
    heartbeat = asyncio.create_task(_beat(lease, body), name=f"heartbeat {lease.leased.job.id}")
    try:
        yield
    except asyncio.CancelledError:
        failure = _failure(heartbeat)
        if failure is None or body.uncancel():
            raise
        raise failure from None
    finally:
        heartbeat.cancel()


async def _beat(lease: JobLease, body: asyncio.Task[object]) -> None:
    """Stop the body in the same step in which the heartbeat fails: a callback could run after the body moved on."""
    try:
        await lease.keep_alive()
    except Exception:
        body.cancel("the lease was lost")
        raise


def _failure(heartbeat: asyncio.Task[None]) -> BaseException | None:
    return heartbeat.exception() if heartbeat.done() and not heartbeat.cancelled() else None
