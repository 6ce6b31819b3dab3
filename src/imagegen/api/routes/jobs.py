"""/api/jobs: one job, and the history."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from imagegen.api import schemas
from imagegen.api.answers import job_answer
from imagegen.api.deps import ServicesDep
from imagegen.api.documents import BAD_REQUEST, GONE, NOT_FOUND, UNAVAILABLE, UNFINISHED
from imagegen.deletion import delete
from imagegen.errors import Fault, InvalidQuery, JobNotFound
from imagegen.jobs import JobStatus, is_job_id
from imagegen.storage.jobs import JobFilter

router = APIRouter(prefix="/api/jobs", tags=["jobs"])


class JobQuery(BaseModel):
    """How the history is narrowed; every combination is served by an index."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")

    user_id: str | None = Field(default=None, max_length=128)
    status: JobStatus | None = None
    type: str | None = Field(default=None, max_length=64)
    model: str | None = Field(default=None, max_length=64)
    created_from: AwareDatetime | None = Field(default=None, description="ISO 8601 with an offset; inclusive.")
    created_to: AwareDatetime | None = Field(default=None, description="ISO 8601 with an offset; exclusive.")
    limit: int = Field(default=20, ge=1, le=100)
    cursor: str | None = Field(default=None, max_length=64, description="`nextCursor` of the page before.")


@router.get("", responses={**BAD_REQUEST, **UNAVAILABLE})
async def list_jobs(query: Annotated[JobQuery, Query()], services: ServicesDep) -> schemas.JobList:
    """The jobs that match, newest first."""
    wanted = JobFilter(**query.model_dump(exclude={"limit", "cursor"}))
    before = _read_cursor(query.cursor) if query.cursor else None
    page = await services.jobs.page(wanted, limit=query.limit, before=before)
    return schemas.JobList(
        jobs=[await job_answer(job, services) for job in page.jobs],
        next_cursor=_cursor(page.next_before) if page.next_before else None,
    )


@router.get("/{jobId}", responses={**NOT_FOUND, **GONE, **UNAVAILABLE})
async def get_job(jobId: str, services: ServicesDep) -> schemas.Job:  # noqa: N803 - the name in the path
    """One job, as it is now, with fresh links to its pictures."""
    if not is_job_id(jobId):
        raise JobNotFound(jobId[:64])
    return await job_answer(await services.jobs.get(jobId), services)


@router.delete(
    "/{jobId}",
    status_code=204,
    response_class=Response,
    responses={
        202: {"description": "Deleted; S3 does not answer, so the pictures leave the bucket later, by themselves."},
        **NOT_FOUND,
        **UNFINISHED,
        **GONE,
        **UNAVAILABLE,
    },
)
async def delete_job(jobId: str, services: ServicesDep) -> Response:  # noqa: N803 - the name in the path
    """Delete an ended job: its pictures, its inputs, and all it was about. What it cost is kept."""
    if not is_job_id(jobId):
        raise JobNotFound(jobId[:64])
    return Response(status_code=204 if await delete(jobId, services) else 202)


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
