"""/api/jobs: single jobs, and the history."""

import asyncio
import re
from datetime import timedelta
from functools import partial
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from imagegen.api.deps import JobId, Wait, caller_of, services_of, waiting_slot
from imagegen.api.http.etags import is_known, job_tag, tag_headers, unchanged
from imagegen.api.http.json_route import JsonRoute
from imagegen.api.http.pages import next_link
from imagegen.api.http.policies import Access, Caching, RoutePolicy, policy
from imagegen.api.job_response import job_content
from imagegen.api.openapi.examples import BATCH_ID, JOB_ID
from imagegen.api.openapi.responses import BAD_QUERY, FORBIDDEN, GONE, NOT_FOUND, UNAVAILABLE, UNCHANGED, UNFINISHED
from imagegen.jobs import JOB_ID_PATTERN, Job, JobStatus
from imagegen.keys import KeyScope
from imagegen.operations.access import get_visible_job
from imagegen.operations.delete import delete
from imagegen.operations.wait import wait_for_change
from imagegen.registry import PlainText
from imagegen.services import Services
from imagegen.storage.jobs.queries import JobFilter, JobPage
from imagegen.wire import job_schemas
from imagegen.wire.serializers import serialize_job

router = APIRouter(prefix="/api/jobs", tags=["jobs"], route_class=JsonRoute)

_DELETED_LATER: Final = {
    "description": "Deleted. S3 does not answer, so the images are removed from the bucket later, automatically."
}


def _no_number(value: object) -> object:
    """Refuse a number, which pydantic would read as seconds since 1970. The document does not offer that."""
    if isinstance(value, str) and not _DATED.match(value):
        raise PydanticCustomError(
            "wrong_format", "must be a time in ISO 8601 with an offset, such as 2026-11-22T16:57:49Z"
        )
    return value


_DATED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]")
Moment = Annotated[AwareDatetime, BeforeValidator(_no_number)]


class JobQuery(BaseModel):
    """Filters of the history. An index serves every combination."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")

    user_id: PlainText | None = Field(
        default=None, description="The user, exactly as given in the requests.", examples=["user123"]
    )
    status: JobStatus | None = Field(default=None, description="The status of the jobs.")
    type: PlainText | None = Field(default=None, description="The kind of job.", examples=["image-generation"])
    model: PlainText | None = Field(
        default=None,
        description="The model's name, or an alias; the jobs that it made under any of its names.",
        examples=["flux-pro"],
    )
    batch_id: str | None = Field(
        default=None, pattern=f"^{JOB_ID_PATTERN}$", description="The batch's id.", examples=[BATCH_ID]
    )
    created_from: Moment | None = Field(default=None, description="ISO 8601 with an offset; inclusive.")
    created_to: Moment | None = Field(default=None, description="ISO 8601 with an offset; exclusive.")
    limit: int = Field(default=20, ge=1, le=100, description="Jobs per page.")
    cursor: str | None = Field(
        default=None, pattern=f"^{JOB_ID_PATTERN}$", description="`nextCursor` of the previous page.", examples=[JOB_ID]
    )


@router.get("", response_model=job_schemas.JobList, responses={**BAD_QUERY, **FORBIDDEN, **UNAVAILABLE})
@policy(RoutePolicy(access=Access.KEYED, scope=KeyScope.READ, caching=Caching.NO_STORE))
async def list_jobs(
    query: Annotated[JobQuery, Query()],
    request: Request,
) -> Response:
    """List the jobs that match, newest first.

    Only jobs of the API key's users are listed. The `Link` header has the next page.
    """
    services, caller = services_of(request), caller_of(request)
    if query.user_id is not None:
        caller.require_user(query.user_id)
    models = None if query.model is None else services.registry.names_of(query.model)
    wanted = JobFilter(user_ids=caller.users, models=models, **query.model_dump(exclude={"limit", "cursor", "model"}))
    page = await services.jobs.page(wanted, limit=query.limit, before=query.cursor)
    headers = next_link(request, page.next_before)
    return Response(await _written(page, services), headers=headers, media_type="application/json")


async def _written(page: JobPage, services: Services) -> bytes:
    """The page as JSON, serialized job by job: a hundred jobs are megabytes, which would block the event loop."""
    parts: list[bytes] = []
    for job in page.jobs:
        parts.append((await serialize_job(job, services)).model_dump_json().encode())
        await asyncio.sleep(0)
    frame = job_schemas.JobList(jobs=[], next_cursor=page.next_before).model_dump_json().encode()
    return frame.replace(b"[]", b"[" + b",".join(parts) + b"]", 1)


@router.get("/{jobId}", response_model=job_schemas.Job, responses={**NOT_FOUND, **GONE, **UNAVAILABLE, **UNCHANGED})
@policy(RoutePolicy(access=Access.KEYED, scope=KeyScope.READ, caching=Caching.NO_STORE))
async def get_job(
    *,
    job_id: JobId,
    request: Request,
    wait: Wait = 0,
) -> Response:
    """Get one job, with new links to its images.

    `wait` delays the response until the job has ended. The ETag stands for the job's version, not for its links: after
    a 304, the links that you have may have expired.
    """
    services = services_of(request)
    job = await get_visible_job(job_id, services.jobs, caller_of(request))
    if wait and not job.status.is_final:
        known = request.headers.get("if-none-match")
        with waiting_slot(request)() as may_wait:
            is_new = partial(_is_new, known) if known is not None else None
            job = await wait_for_change(job, services, timedelta(seconds=wait if may_wait else 0), is_new)
    tag = job_tag(job)
    if not_modified := unchanged(request, tag):
        return not_modified
    return await job_content(job, services, tag_headers(tag))


def _is_new(known: str, job: Job) -> bool:
    return not is_known(known, job_tag(job))


@router.delete(
    "/{jobId}",
    status_code=204,
    response_class=Response,
    response_description="Deleted.",
    responses={202: _DELETED_LATER, **NOT_FOUND, **UNFINISHED, **GONE, **UNAVAILABLE},
)
@policy(RoutePolicy(access=Access.KEYED, scope=KeyScope.GENERATE, produces=(), caching=Caching.NO_STORE))
async def delete_job(job_id: JobId, request: Request) -> Response:
    """Delete an ended job with its images and its inputs. Its cost is kept.

    Afterwards every request for the job returns 410. The data that fal.ai keeps is not deleted.
    """
    services = services_of(request)
    job = await get_visible_job(job_id, services.jobs, caller_of(request))
    return Response(status_code=204 if await delete(job.id, services) else 202)
