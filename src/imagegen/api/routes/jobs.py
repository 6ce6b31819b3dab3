"""/api/jobs: one job, and the history."""

import asyncio
import re
from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from imagegen.api import schemas
from imagegen.api.answers import job_answer
from imagegen.api.callers import CallerDep, JobId, job_in_sight
from imagegen.api.conditional import job_tag, tag_headers, unchanged
from imagegen.api.deps import SeatsDep, ServicesDep
from imagegen.api.documents import BAD_QUERY, FORBIDDEN, GONE, NOT_FOUND, UNAVAILABLE, UNCHANGED, UNFINISHED
from imagegen.api.examples import BATCH_ID, JOB_ID
from imagegen.api.json_routes import JsonRoute
from imagegen.api.waiting import Wait, wait_for_change
from imagegen.deletion import delete
from imagegen.jobs import JOB_ID_PATTERN, JobStatus
from imagegen.registry import PlainText
from imagegen.storage.job_lists import JobFilter, JobPage
from imagegen.wiring import Services

router = APIRouter(prefix="/api/jobs", tags=["jobs"], route_class=JsonRoute)

_DELETED_LATER: Final = {
    "description": "Deleted; S3 does not answer, so the pictures leave the bucket later, by themselves."
}


def _no_number(value: object) -> object:
    """Pydantic would take a number for seconds since 1970, which the document does not promise."""
    if isinstance(value, str) and not _DATED.match(value):
        raise PydanticCustomError(
            "wrong_format", "must be a time in ISO 8601 with an offset, such as 2026-11-22T16:57:49Z"
        )
    return value


_DATED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]")
Moment = Annotated[AwareDatetime, BeforeValidator(_no_number)]


class JobQuery(BaseModel):
    """How the history is narrowed; every combination is served by an index."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")

    user_id: PlainText | None = Field(
        default=None, description="Whose jobs; exactly as it was given.", examples=["user123"]
    )
    status: JobStatus | None = Field(default=None, description="Where the jobs are in their life.")
    type: PlainText | None = Field(default=None, description="The kind of job.", examples=["image-generation"])
    model: PlainText | None = Field(default=None, description="The model's name.", examples=["flux-pro"])
    batch_id: str | None = Field(
        default=None, pattern=f"^{JOB_ID_PATTERN}$", description="The batch's id.", examples=[BATCH_ID]
    )
    created_from: Moment | None = Field(default=None, description="ISO 8601 with an offset; inclusive.")
    created_to: Moment | None = Field(default=None, description="ISO 8601 with an offset; exclusive.")
    limit: int = Field(default=20, ge=1, le=100, description="Jobs on a page.")
    cursor: str | None = Field(
        default=None, pattern=f"^{JOB_ID_PATTERN}$", description="`nextCursor` of the page before.", examples=[JOB_ID]
    )


@router.get("", response_model=schemas.JobList, responses={**BAD_QUERY, **FORBIDDEN, **UNAVAILABLE})
async def list_jobs(
    query: Annotated[JobQuery, Query()],
    services: ServicesDep,
    caller: CallerDep,
    request: Request,
) -> Response:
    """The jobs that match, newest first: those of the users that the API key is for.

    The header `Link` leads to the next page.
    """
    if query.user_id is not None:
        caller.demand_user(query.user_id)
    wanted = JobFilter(user_ids=caller.users, **query.model_dump(exclude={"limit", "cursor"}))
    page = await services.jobs.page(wanted, limit=query.limit, before=query.cursor)
    headers: dict[str, str] = {}
    if page.next_before:
        onward = request.url.include_query_params(cursor=page.next_before)
        headers["Link"] = f'<{onward.path}?{onward.query}>; rel="next"'
    return Response(await _written(page, services), headers=headers, media_type="application/json")


async def _written(page: JobPage, services: Services) -> bytes:
    """The page as JSON, written one job at a time: a hundred jobs are megabytes, and the event loop has others."""
    parts: list[bytes] = []
    for job in page.jobs:
        parts.append((await job_answer(job, services)).model_dump_json().encode())
        await asyncio.sleep(0)
    frame = schemas.JobList(jobs=[], next_cursor=page.next_before).model_dump_json().encode()
    return frame.replace(b"[]", b"[" + b",".join(parts) + b"]", 1)


@router.get("/{jobId}", response_model=schemas.Job, responses={**NOT_FOUND, **GONE, **UNAVAILABLE, **UNCHANGED})
async def get_job(
    *,
    jobId: JobId,  # noqa: N803 - the name in the path
    services: ServicesDep,
    caller: CallerDep,
    seats: SeatsDep,
    request: Request,
    wait: Wait = 0,
) -> Response:
    """One job, as it is now or within `wait` seconds, with fresh links to its pictures.

    Its ETag names its version, not its links: after a 304 the links of the earlier answer may have expired.
    """
    job = await job_in_sight(jobId, services, caller)
    if wait and not job.status.is_final:
        known = request.headers.get("if-none-match")
        with seats.taken() as may_wait:
            job = await wait_for_change(job, services, timedelta(seconds=wait if may_wait else 0), known)
    tag = job_tag(job)
    if answer := unchanged(request, tag):
        return answer
    content = await job_answer(job, services)
    return JSONResponse(content.model_dump(mode="json"), headers=tag_headers(tag))


@router.delete(
    "/{jobId}",
    status_code=204,
    response_class=Response,
    response_description="Deleted.",
    responses={202: _DELETED_LATER, **NOT_FOUND, **UNFINISHED, **GONE, **UNAVAILABLE},
)
async def delete_job(jobId: JobId, services: ServicesDep, caller: CallerDep) -> Response:  # noqa: N803 - the name in the path
    """Delete an ended job: its pictures, its inputs, and all it was about. What it cost is kept.

    Afterwards everything that is asked of the job is 410. What fal.ai keeps of it is not deleted.
    """
    job = await job_in_sight(jobId, services, caller)
    return Response(status_code=204 if await delete(job.id, services) else 202)
