"""Who asks, as a handler meets them; budgets and rate limits belong here when they come."""

from typing import Annotated, cast

from fastapi import Depends, Path, Request

from imagegen.api.examples import JOB_ID
from imagegen.errors import JobDeleted, JobNotFound
from imagegen.jobs import Job, is_job_id
from imagegen.keys import Caller
from imagegen.wiring import Services


def _caller(request: Request) -> Caller:
    """The caller whom `Doorkeeper` let in; there is none on the paths that everyone may read."""
    return cast("Caller", request.state.caller)


CallerDep = Annotated[Caller, Depends(_caller)]
JobId = Annotated[str, Path(description="The job's id.", examples=[JOB_ID])]


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
