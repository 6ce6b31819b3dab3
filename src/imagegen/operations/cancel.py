"""Cancelling a job: at once if fal has no request of it; otherwise by a stored request on which its runner acts."""

import asyncio
from contextlib import suppress
from typing import Final

from imagegen.clock import now
from imagegen.errors import JobDeleted, JobFinished, StaleJob
from imagegen.jobs import Job, JobStatus, SubmissionState
from imagegen.operations.adopt_request import wake
from imagegen.services import Services
from imagegen.storage.batches import Batch
from imagegen.storage.jobs.queries import JobFilter

_PAGE_SIZE: Final = 50


async def cancel(job: Job, services: Services) -> Job:
    """Cancel a job that was not sent to fal; store a request to cancel one that was. Repeatable.

    Returns:
        The cancelled job; or the unfinished job, for which fal decides: it may complete all the same.

    Raises:
        JobFinished: it has completed or failed.
    """
    while True:
        try:
            return await _cancel(job, services)
        except StaleJob:
            job = await services.jobs.get(job.id)


async def cancel_batch(batch: Batch, services: Services) -> None:
    """Cancel every job of a batch that has not ended, as `cancel` does. Repeatable."""
    for status in (JobStatus.QUEUED, JobStatus.RUNNING):
        before: str | None = None
        while True:
            wanted = JobFilter(batch_id=batch.id, status=status)
            page = await services.jobs.page(wanted, limit=_PAGE_SIZE, before=before)
            await asyncio.gather(*(_cancel_or_leave(job, services) for job in page.jobs))
            if page.next_before is None:
                break
            before = page.next_before


async def _cancel_or_leave(job: Job, services: Services) -> None:
    with suppress(JobFinished, JobDeleted):
        await cancel(job, services)


async def _cancel(job: Job, services: Services) -> Job:
    if job.status is JobStatus.CANCELLED:
        return job
    if job.status.is_final:
        raise JobFinished(job.id, job.status.value)
    if job.submission.state is SubmissionState.NONE:
        # A runner that submits it starts from the same version, so only one of the two transitions is stored.
        cancelled = await services.jobs.save(job.cancelled(now()))
        services.metrics.job_ended(cancelled)
        await services.queue.announce(cancelled)
        return cancelled
    if not await services.jobs.request_cancel(job.id):
        raise StaleJob(job.id)
    await wake(job, services)
    return await services.jobs.get(job.id)
