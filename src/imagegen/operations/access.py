"""Jobs and batches that a caller may see. Budgets and rate limits of callers belong here too."""

from imagegen.errors import BatchNotFound, JobDeleted, JobNotFound
from imagegen.jobs import Job, is_job_id
from imagegen.keys import Caller
from imagegen.storage.batches import Batch, Batches
from imagegen.storage.jobs.store import Jobs


async def get_visible_job(job_id: str, jobs: Jobs, caller: Caller) -> Job:
    """The job. A job outside the key's users is reported as not found.

    Raises:
        JobNotFound: there is none with this id that the caller may see.
        JobDeleted: the caller could see it before it was deleted.
    """
    if not is_job_id(job_id):
        raise JobNotFound(job_id[:64])
    try:
        job = await jobs.get(job_id)
    except JobDeleted as error:
        if caller.can_access(error.user_id):
            raise
        raise JobNotFound(job_id) from None
    if not caller.can_access(job.user_id):
        raise JobNotFound(job_id)
    return job


async def get_visible_batch(batch_id: str, batches: Batches, caller: Caller) -> Batch:
    """The batch. A batch outside the key's users is reported as not found.

    Raises:
        BatchNotFound: there is none with this id that the caller may see.
    """
    if not is_job_id(batch_id):
        raise BatchNotFound(batch_id[:64])
    batch = await batches.get(batch_id)
    if not caller.can_access(batch.user_id):
        raise BatchNotFound(batch_id)
    return batch
