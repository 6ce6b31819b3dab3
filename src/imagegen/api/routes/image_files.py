"""/api/images/{jobId}/{number}: permanent links to images."""

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import RedirectResponse

from imagegen.api.deps import JobId, caller_of, services_of
from imagegen.api.http.image_stream import LOCKED, image_response
from imagegen.api.http.policies import Access, RoutePolicy, policy
from imagegen.api.http.problems import problem
from imagegen.api.middleware.head_options import HEAD
from imagegen.api.openapi.responses import GONE, IMAGE_NOT_FOUND, UNAVAILABLE, UNFINISHED
from imagegen.errors import JobUnfinished
from imagegen.keys import KeyScope
from imagegen.operations.access import get_visible_job
from imagegen.storage.images.sniffing import is_safe_inline

router = APIRouter(prefix="/api/images", tags=["images"])
_HIGHEST: Final = 9999
_FRESH: Final = {"Location": {"schema": {"type": "string"}, "description": "A new link to the image."}}
_ANSWERS: Final = {
    200: {
        "description": "A file that a browser could run (an SVG, or one that no decoder opens), as an attachment. A "
        "client that follows redirects has the image itself here, as the bucket sends it.",
        "content": {
            "image/svg+xml": {"schema": {"type": "string"}},
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    },
    302: {"description": "`Location` is a new link to the image, which browsers follow.", "headers": _FRESH},
    304: {"description": "You have this image: `If-None-Match` has its ETag."},
}


@router.get(
    "/{jobId}/{number}",
    status_code=302,
    response_class=Response,
    responses={**_ANSWERS, **IMAGE_NOT_FOUND, **UNFINISHED, **GONE, **UNAVAILABLE},
)
@policy(RoutePolicy(access=Access.KEYED, scope=KeyScope.READ, produces=()))
async def get_picture(
    job_id: JobId,
    number: Annotated[int, Path(ge=0, le=_HIGHEST, description="Its position in the job's `images`, from 0.")],
    request: Request,
    *,
    download: Annotated[bool, Query(description="Make a browser save the image under its own name.")] = False,
    if_none_match: Annotated[str | None, Header(max_length=4096, description="ETags that you have.")] = None,
) -> Response:
    """Redirect to one image of a job. This link is permanent.

    The response redirects to a new link to the bucket, which expires. Follow it at once, and keep this one.
    """
    services = services_of(request)
    job = await get_visible_job(job_id, services.jobs, caller_of(request))
    if not job.status.is_final:
        raise JobUnfinished(job_id)
    if number >= len(job.images):
        return problem(
            HTTPStatus.NOT_FOUND,
            "image_not_found",
            f"Job {job_id} is {job.status.value} and has {_counted(len(job.images))}.",
            job_id=job_id,
        )
    image = job.images[number]
    headers = {"ETag": f'"{image.sha256}"', "Cache-Control": "private, no-cache", **LOCKED}
    if if_none_match is not None and _names(if_none_match, image.sha256):
        return Response(status_code=304, headers=headers)
    file_name = f"{job_id}-{number}.{image.key.rpartition('.')[2]}"
    if not is_safe_inline(image.content_type):
        # A bucket would send a file that a browser could run without a Content-Security-Policy.
        headers["Content-Disposition"] = f'attachment; filename="{file_name}"'
        return image_response(request, services, image, headers, is_head=bool(request.scope.get(HEAD)), ranges=False)
    if download:
        url = await services.images.download_url(image.key, file_name)
    else:
        url = await services.images.url(image.key)
    return RedirectResponse(url, 302, headers=headers)


def _counted(count: int) -> str:
    if count == 0:
        return "no images"
    return "1 image, number 0" if count == 1 else f"{count} images, numbers 0 to {count - 1}"


def _names(if_none_match: str, tag: str) -> bool:
    """Whether the header has this tag, weak or strong, or `*` (RFC 9110, section 13.1.2)."""
    tags = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    return f'"{tag}"' in tags or if_none_match.strip() == "*"
