"""Deleting a job: first nobody can read it any more, then its pictures leave the bucket, whatever happens between."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final

from imagegen.errors import JobUnfinished, StaleJob, Unavailable
from imagegen.jobs import Job
from imagegen.storage.images import image_key_stem
from imagegen.storage.removals import Due, UnreadableJob
from imagegen.wiring import Services, now

# A runner that lost its lease may still be moving a picture: a transfer takes 15 minutes at the longest.
SETTLED_AFTER: Final = timedelta(minutes=20)
_AT_ONCE: Final = 100
_IN_A_ROW: Final = 3
Remove = Callable[[Job, Services], Awaitable[None]]
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
    """Finish the deletions that a crash or a server that was down has left; returns how many are finished."""
    unfinished = await services.jobs.removals.to_erase(now(), _AT_ONCE)
    return await remove_each(unfinished, _erase, "deletion.dueAt", services)


async def remove_each(due: Sequence[Job | UnreadableJob], remove: Remove, which: Due, services: Services) -> int:
    """Do what is due for each job. One that fails is put off, for longer each time, and the others go on.

    Returns:
        For how many it is done.

    Raises:
        Unavailable: it failed several times in a row because of a server. The rest waits for the next sweep.
    """
    done = unavailable = 0
    for job in due:
        error = await _failure(job, remove, services)
        if error is None:
            done, unavailable = done + 1, 0
            continue
        await services.jobs.removals.put_off(job.id, which)
        unavailable = unavailable + 1 if isinstance(error, Unavailable) else 0
        if unavailable >= _IN_A_ROW:
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
