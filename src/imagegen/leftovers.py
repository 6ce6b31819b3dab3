"""Objects in the bucket that their own job does not name: pictures of runners that were killed or lost their lease.

A job that ended after more than one lease, or after a transfer that broke off, may have some. They are removed when it
has ended, and once more when every runner that lost its lease must have noticed.
"""

import logging
from typing import Final

from imagegen.deletion import SETTLED_AFTER, remove_each
from imagegen.errors import JobDeleted, Unavailable
from imagegen.jobs import Job
from imagegen.storage.images import image_key_stem
from imagegen.wiring import Services, now

_AT_ONCE: Final = 100
_log = logging.getLogger("imagegen.leftovers")


async def clear_leftovers(job: Job, services: Services) -> None:
    """Remove what an ended job has left, and note whether to look again; a server that is down is left to the sweep."""
    try:
        await _clear(job, services)
    except Unavailable as error:
        _log.warning("job %s: what it left in the bucket is removed later: %s", job.id, error)


async def sweep_leftovers(services: Services) -> int:
    """Clear the ended jobs that are due; returns how many are cleared."""
    due = await services.jobs.removals.to_clear(now(), _AT_ONCE)
    return await remove_each(due, _clear, "clearAt", services)


async def discard_epoch(job: Job, services: Services) -> None:
    """Remove what this process stored under a lease that it has lost, unless the job names it after all."""
    try:
        named = (await services.jobs.get(job.id)).image_keys
        await services.images.discard(f"{_folder(job)}{job.lease.epoch}-", keep=named)
    except (Unavailable, JobDeleted) as error:
        _log.warning("job %s: what epoch %d stored is removed later: %s", job.id, job.lease.epoch, error)


async def _clear(job: Job, services: Services) -> None:
    assert job.completed_at is not None
    await services.images.discard(_folder(job), keep=job.image_keys)
    settled_at = job.completed_at + SETTLED_AFTER
    await services.jobs.removals.cleared(job, None if now() >= settled_at else settled_at)


def _folder(job: Job) -> str:
    return f"{image_key_stem(job.user_id, job.created_at, job.id)}/"
