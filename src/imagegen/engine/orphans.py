"""Objects in the bucket that their own job does not name: of runners that were killed or lost their lease.

A job that ended after more than one lease, or after a transfer that broke off, may have some. They are removed when it
has ended, and again once every runner that lost its lease must have noticed.
"""

import logging
from typing import Final

from imagegen.clock import now
from imagegen.errors import JobDeleted, Unavailable
from imagegen.jobs import Job
from imagegen.operations.delete import SETTLED_AFTER, remove_each
from imagegen.services import Services
from imagegen.storage.images.store import Images
from imagegen.storage.jobs.store import Jobs

_SWEEP_SIZE: Final = 100
_log = logging.getLogger("imagegen.leftovers")


async def remove_orphans(job: Job, services: Services) -> None:
    """Remove an ended job's orphans, and note whether to look again; if a server is down, the sweep does it later."""
    try:
        await _clear(job, services)
    except Unavailable as error:
        _log.warning("job %s: its orphans in the bucket are removed later: %s", job.id, error)


async def sweep_orphans(services: Services) -> int:
    """Remove the orphans of ended jobs that are due; returns for how many jobs that is done."""
    due = await services.removals.pending_cleanup(now(), _SWEEP_SIZE)
    return await remove_each(due, _clear, "clearAt", services)


async def discard_epoch(job: Job, jobs: Jobs, images: Images) -> None:
    """Remove what this process stored under a lease that it has lost, except what the job names after all."""
    try:
        named = (await jobs.get(job.id)).image_keys
        await images.delete_prefix(f"{job.image_prefix}{job.lease.epoch}-", keep=named)
    except (Unavailable, JobDeleted) as error:
        _log.warning("job %s: the objects of epoch %d are removed later: %s", job.id, job.lease.epoch, error)


async def _clear(job: Job, services: Services) -> None:
    assert job.completed_at is not None
    await services.images.delete_prefix(job.image_prefix, keep=job.image_keys)
    settled_at = job.completed_at + SETTLED_AFTER
    await services.removals.mark_cleaned(job, None if now() >= settled_at else settled_at)
