"""Who asks, as a handler meets them; budgets and rate limits belong here when they come."""

from typing import Annotated, cast

from fastapi import Depends, Path, Request

from imagegen.api.examples import BATCH_ID, JOB_ID
from imagegen.errors import BatchNotFound, JobDeleted, JobNotFound
from imagegen.jobs import Job, is_job_id
from imagegen.keys import Caller
from imagegen.storage.batches import Batch
from imagegen.wiring import Services


async def _caller(request: Request) -> Caller:
    """The caller whom `Doorkeeper` let in; there is none on the paths that everyone may read."""
    return cast("Caller", request.state.caller)


CallerDep = Annotated[Caller, Depends(_caller)]
JobId = Annotated[str, Path(description="The job's id.", examples=[JOB_ID])]
BatchId = Annotated[str, Path(description="The batch's id.", examples=[BATCH_ID])]


async def job_in_sight(job_id: str, services: Services, caller: Caller) -> Job:
    """The job. One of a user that the caller's key is not for does not exist for the caller.

    Raises:
        JobNotFound: there is none with this id, or none that the caller may know of.
        JobDeleted: it was the caller's, and was deleted.
    """
    if not is_job_id(job_id):
        raise JobNotFound(job_id[:64])
    try:
        job = await services.jobs.get(job_id)
    except JobDeleted as error:
        if caller.sees(error.user_id):
            raise
        raise JobNotFound(job_id) from None
    if not caller.sees(job.user_id):
        raise JobNotFound(job_id)
    return job


async def batch_in_sight(batch_id: str, services: Services, caller: Caller) -> Batch:
    """The batch. One of a user that the caller's key is not for does not exist for the caller.

    Raises:
        BatchNotFound: there is none with this id, or none that the caller may know of.
    """
    if not is_job_id(batch_id):
        raise BatchNotFound(batch_id[:64])
    batch = await services.jobs.batches.get(batch_id)
    if not caller.sees(batch.user_id):
        raise BatchNotFound(batch_id)
    return batch
