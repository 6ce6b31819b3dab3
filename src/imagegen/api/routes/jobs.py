"""/api/jobs: one job, and the history."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from imagegen.api import schemas
from imagegen.api.answers import job_answer
from imagegen.api.callers import CallerDep, job_in_sight
from imagegen.api.deps import ServicesDep
from imagegen.api.documents import BAD_QUERY, FORBIDDEN, NOT_FOUND, UNAVAILABLE
from imagegen.api.examples import JOB_ID
from imagegen.errors import Fault, InvalidQuery
from imagegen.jobs import JobStatus, is_job_id
from imagegen.storage.jobs import JobFilter

router = APIRouter(prefix="/api/jobs", tags=["jobs"])


class JobQuery(BaseModel):
    """How the history is narrowed; every combination is served by an index."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")

    user_id: str | None = Field(
        default=None, max_length=128, description="Whose jobs; exactly as it was given.", examples=["user123"]
    )
    status: JobStatus | None = Field(default=None, description="Where the jobs are in their life.")
    type: str | None = Field(default=None, max_length=64, description="The kind of job.", examples=["image-generation"])
    model: str | None = Field(default=None, max_length=64, description="The model's name.", examples=["flux-pro"])
    created_from: AwareDatetime | None = Field(default=None, description="ISO 8601 with an offset; inclusive.")
    created_to: AwareDatetime | None = Field(default=None, description="ISO 8601 with an offset; exclusive.")
    limit: int = Field(default=20, ge=1, le=100, description="Jobs on a page.")
    cursor: str | None = Field(default=None, max_length=64, description="`nextCursor` of the page before.")


@router.get("", responses={**BAD_QUERY, **FORBIDDEN, **UNAVAILABLE})
async def list_jobs(query: Annotated[JobQuery, Query()], services: ServicesDep, caller: CallerDep) -> schemas.JobList:
    """The jobs that match, newest first: those of the users that the API key is for."""
    if query.user_id is not None:
        caller.demand_user(query.user_id)
    wanted = JobFilter(user_ids=caller.users, **query.model_dump(exclude={"limit", "cursor"}))
    before = _read_cursor(query.cursor) if query.cursor else None
    page = await services.jobs.page(wanted, limit=query.limit, before=before)
    return schemas.JobList(
        jobs=[await job_answer(job, services.images) for job in page.jobs],
        next_cursor=_cursor(page.next_before) if page.next_before else None,
    )


@router.get("/{jobId}", responses={**NOT_FOUND, **UNAVAILABLE})
async def get_job(
    jobId: Annotated[str, Path(description="The job's id.", examples=[JOB_ID])],  # noqa: N803 - the name in the path
    services: ServicesDep,
    caller: CallerDep,
) -> schemas.Job:
    """One job, as it is now, with fresh links to its pictures."""
    return await job_answer(await job_in_sight(jobId, services, caller), services.images)


def _cursor(job_id: str) -> str:
    return urlsafe_b64encode(job_id.encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> str:
    try:
        job_id = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except ValueError:
        job_id = ""
    if not is_job_id(job_id):
        raise InvalidQuery(
            [Fault(pointer="cursor", code="invalid_cursor", message="cursor: give the nextCursor of an earlier page.")]
        )
    return job_id
