"""/api/images/{jobId}/{number}: links to pictures that never die."""

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Header, Path, Query, Response
from fastapi.responses import RedirectResponse

from imagegen.api.deps import ServicesDep
from imagegen.api.documents import BAD_REQUEST, GONE, NOT_FOUND, UNAVAILABLE, UNFINISHED
from imagegen.api.errors import problem
from imagegen.errors import JobNotFound, JobUnfinished
from imagegen.jobs import is_job_id

router = APIRouter(prefix="/api/images", tags=["images"])
_HIGHEST: Final = 9999
_ETAG: Final = {"ETag": {"schema": {"type": "string"}, "description": "The picture's sha256."}}
_ANSWERS: Final = {
    302: {"description": "`Location` is a fresh link to the picture.", "headers": _ETAG},
    304: {"description": "You have this picture: `If-None-Match` names its ETag.", "headers": _ETAG},
}


@router.get(
    "/{jobId}/{number}",
    status_code=302,
    response_class=Response,
    responses={**_ANSWERS, **BAD_REQUEST, **NOT_FOUND, **UNFINISHED, **GONE, **UNAVAILABLE},
)
async def get_picture(
    jobId: str,  # noqa: N803 - the name in the path
    number: Annotated[int, Path(ge=0, le=_HIGHEST, description="Its place in the job's `images`, from 0.")],
    services: ServicesDep,
    *,
    download: Annotated[bool, Query(description="Have a browser save it, under a name of its own.")] = False,
    if_none_match: Annotated[str | None, Header(max_length=4096)] = None,
) -> Response:
    """Lead to one picture of a job, by a link that stays the same for ever."""
    if not is_job_id(jobId):
        raise JobNotFound(jobId[:64])
    job = await services.jobs.get(jobId)
    if not job.status.is_final:
        raise JobUnfinished(jobId)
    if number >= len(job.images):
        return problem(
            HTTPStatus.NOT_FOUND,
            "image_not_found",
            f"Job {jobId} is {job.status.value} and has {len(job.images)} pictures, counted from 0.",
            job_id=jobId,
        )
    image = job.images[number]
    headers = {"ETag": f'"{image.sha256}"', "Cache-Control": "private, no-cache"}
    if if_none_match is not None and _names(if_none_match, image.sha256):
        return Response(status_code=304, headers=headers)
    if download:
        extension = image.key.rpartition(".")[2]
        url = await services.images.download_url(image.key, f"{jobId}-{number}.{extension}")
    else:
        url = await services.images.url(image.key)
    return RedirectResponse(url, 302, headers=headers)


def _names(if_none_match: str, tag: str) -> bool:
    """Whether the header names this tag, weakly or strongly, or any (RFC 9110, section 13.1.2)."""
    tags = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    return f'"{tag}"' in tags or if_none_match.strip() == "*"
