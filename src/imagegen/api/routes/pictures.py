"""/api/images/{jobId}/{number}: links to pictures that never die."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Header, Path, Query, Response
from fastapi.responses import RedirectResponse, StreamingResponse

from imagegen.api.callers import CallerDep, JobId, job_in_sight
from imagegen.api.deps import ServicesDep
from imagegen.api.documents import GONE, IMAGE_NOT_FOUND, UNAVAILABLE, UNFINISHED
from imagegen.api.errors import problem
from imagegen.errors import JobUnfinished
from imagegen.jobs import StoredImage
from imagegen.storage.pictures import is_safe_inline
from imagegen.wiring import Services

router = APIRouter(prefix="/api/images", tags=["images"])
_HIGHEST: Final = 9999
_FRESH: Final = {"Location": {"schema": {"type": "string"}, "description": "A fresh link to the picture."}}
# Whatever a picture holds, a browser runs none of it.
_LOCKED: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}
_ANSWERS: Final = {
    200: {
        "description": "A file that a browser could run (an SVG, or one that no decoder opens), as an attachment.",
        "content": {
            "image/svg+xml": {"schema": {"type": "string"}},
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    },
    302: {"description": "`Location` is a fresh link to the picture.", "headers": _FRESH},
    304: {"description": "You have this picture: `If-None-Match` names its ETag."},
}


@router.get(
    "/{jobId}/{number}",
    status_code=302,
    response_class=Response,
    responses={**_ANSWERS, **IMAGE_NOT_FOUND, **UNFINISHED, **GONE, **UNAVAILABLE},
)
async def get_picture(
    jobId: JobId,  # noqa: N803 - the name in the path
    number: Annotated[int, Path(ge=0, le=_HIGHEST, description="Its place in the job's `images`, from 0.")],
    services: ServicesDep,
    caller: CallerDep,
    *,
    download: Annotated[bool, Query(description="Have a browser save it, under a name of its own.")] = False,
    if_none_match: Annotated[str | None, Header(max_length=4096, description="ETags that you have.")] = None,
) -> Response:
    """Lead to one picture of a job, by a link that stays the same for ever.

    The answer redirects to a fresh link to the bucket, which expires. Follow it at once, and keep this one.
    """
    job = await job_in_sight(jobId, services, caller)
    if not job.status.is_final:
        raise JobUnfinished(jobId)
    if number >= len(job.images):
        return problem(
            HTTPStatus.NOT_FOUND,
            "image_not_found",
            f"Job {jobId} is {job.status.value} and has {_counted(len(job.images))}.",
            job_id=jobId,
        )
    image = job.images[number]
    headers = {"ETag": f'"{image.sha256}"', "Cache-Control": "private, no-cache", **_LOCKED}
    if if_none_match is not None and _names(if_none_match, image.sha256):
        return Response(status_code=304, headers=headers)
    file_name = f"{jobId}-{number}.{image.key.rpartition('.')[2]}"
    if not is_safe_inline(image.content_type):
        return await _handed_over(image, file_name, headers, services)
    if download:
        url = await services.images.download_url(image.key, file_name)
    else:
        url = await services.images.url(image.key)
    return RedirectResponse(url, 302, headers=headers)


def _counted(count: int) -> str:
    if count == 0:
        return "no pictures"
    return "1 picture, number 0" if count == 1 else f"{count} pictures, numbers 0 to {count - 1}"


async def _handed_over(image: StoredImage, file_name: str, headers: Mapping[str, str], services: Services) -> Response:
    """A file that a browser could run, from here: a bucket sends no Content-Security-Policy."""
    stream = await services.images.open(image.key)
    disposition = {
        "Content-Disposition": f'attachment; filename="{file_name}"',
        "Content-Length": str(image.size_bytes),
    }
    return StreamingResponse(stream, headers={**headers, **disposition}, media_type=image.content_type)


def _names(if_none_match: str, tag: str) -> bool:
    """Whether the header names this tag, weakly or strongly, or any (RFC 9110, section 13.1.2)."""
    tags = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    return f'"{tag}"' in tags or if_none_match.strip() == "*"
