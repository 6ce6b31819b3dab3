"""Deleting a job: first nobody can read it any more, then its pictures leave the bucket, whatever happens between."""

import logging
from datetime import timedelta
from typing import Final

from imagegen.errors import JobUnfinished, StaleJob, Unavailable
from imagegen.jobs import Job
from imagegen.storage.images import image_key_stem
from imagegen.wiring import Services, now

# A runner that lost its lease may still be moving a picture: a transfer takes 15 minutes at the longest.
SETTLED_AFTER: Final = timedelta(minutes=20)
_AT_ONCE: Final = 100
_log = logging.getLogger("imagegen.deletion")


async def delete(job_id: str, services: Services) -> bool:
    """Turn an ended job into its tombstone, and remove its pictures and inputs from the bucket.

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
        tombstone = await services.jobs.removals.bury(job.deleted(now()))
    except StaleJob:
        await services.jobs.get(job_id)  # says so if somebody else was faster
        raise
    try:
        await _erase(tombstone, services)
    except Unavailable as error:
        _log.warning("job %s is deleted, its pictures not yet: %s", job_id, error, extra={"job_id": job_id})
        return False
    return True


async def sweep(services: Services) -> int:
    """Finish every deletion that a crash or a server that was down has left; returns how many."""
    unfinished = await services.jobs.removals.to_erase(now(), _AT_ONCE)
    for tombstone in unfinished:
        await _erase(tombstone, services)
    return len(unfinished)


async def _erase(job: Job, services: Services) -> None:
    """Clear the bucket of a deleted job; safe to repeat. A picture that another job of the user's has too stays."""
    assert job.deletion is not None
    await services.jobs.deliveries.drop(job.id)
    await services.images.discard(f"{image_key_stem(job.user_id, job.created_at, job.id)}/")
    for key in job.deletion.input_keys:
        if not await services.jobs.removals.uses_input(key):
            await services.images.delete(key)
    settled_at = (job.completed_at or job.deletion.requested_at) + SETTLED_AFTER
    await services.jobs.removals.erased(job, None if now() >= settled_at else settled_at)
