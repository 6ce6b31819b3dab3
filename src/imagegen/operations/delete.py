"""Deleting a job: first it can no longer be read, then its images leave the bucket, even after a crash in between."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final

from imagegen.clock import now
from imagegen.errors import JobUnfinished, StaleJob, Unavailable
from imagegen.jobs import Job
from imagegen.services import Services
from imagegen.storage.jobs.removals import Due, UnreadableJob

# A runner that lost its lease may still be transferring an image: a transfer takes at most 15 minutes.
SETTLED_AFTER: Final = timedelta(minutes=20)
_SWEEP_SIZE: Final = 100
_MAX_FAILURES: Final = 3
Remove = Callable[[Job, Services], Awaitable[None]]
_log = logging.getLogger("imagegen.deletion")


async def delete(job_id: str, services: Services) -> bool:
    """Turn an ended job into its tombstone, and remove its images and inputs from the bucket.

    Returns:
        Whether they are removed; if not, the sweep removes them when the servers are back.

    Raises:
        JobNotFound: there is no such job.
        JobDeleted: it is deleted already.
        JobUnfinished: it has not ended.
        DatabaseUnavailable: nothing was deleted.
    """
    job = await services.jobs.get(job_id)
    if not job.status.is_final:
        raise JobUnfinished(job_id)
    try:
        tombstone = await services.removals.create_tombstone(job.deleted(now()))
    except StaleJob:
        await services.jobs.get(job_id)  # raises JobDeleted if another request was faster
        raise
    try:
        await _purge(tombstone, services)
    except Unavailable as error:
        _log.warning("job %s is deleted, its images not yet: %s", job_id, error, extra={"job_id": job_id})
        return False
    return True


async def sweep_deletions(services: Services) -> int:
    """Finish deletions that a crash or an unavailable server interrupted; returns how many are finished."""
    unfinished = await services.removals.pending_purge(now(), _SWEEP_SIZE)
    return await remove_each(unfinished, _purge, "deletion.dueAt", services)


async def remove_each(due: Sequence[Job | UnreadableJob], remove: Remove, which: Due, services: Services) -> int:
    """Remove the objects of each job that is due. A failed one is postponed, longer each time; the others go on.

    Returns:
        For how many jobs it is done.

    Raises:
        Unavailable: a server failed several times in a row. The rest waits for the next sweep.
    """
    done = unavailable = 0
    for job in due:
        error = await _failure(job, remove, services)
        if error is None:
            done, unavailable = done + 1, 0
            continue
        await services.removals.postpone(job.id, which)
        unavailable = unavailable + 1 if isinstance(error, Unavailable) else 0
        if unavailable >= _MAX_FAILURES:
            raise error
    return done


async def _failure(job: Job | UnreadableJob, remove: Remove, services: Services) -> Exception | None:
    try:
        if isinstance(job, UnreadableJob):
            _log.error("job %s cannot be read, so its objects stay in the bucket; trying again later", job.id)
            return ValueError(job.id)
        await remove(job, services)
    except Unavailable as error:
        _log.warning("job %s: its objects are removed later: %s", job.id, error)
        return error
    except Exception as error:  # noqa: BLE001 - one record must not hold up the others
        _log.exception("job %s: its objects are removed later: unexpected error", job.id)
        return error
    return None


async def _purge(job: Job, services: Services) -> None:
    """Remove a deleted job's objects; safe to repeat. Input images that another job of the user refers to stay."""
    assert job.deletion is not None
    await services.webhook_deliveries.delete_by_job(job.id)
    await services.images.delete_prefix(job.image_prefix)
    for key in job.deletion.input_keys:
        if not await services.removals.is_input_used(key):
            await services.images.delete(key)
    settled_at = (job.completed_at or job.deletion.requested_at) + SETTLED_AFTER
    await services.removals.mark_purged(job, None if now() >= settled_at else settled_at)
