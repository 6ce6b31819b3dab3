"""/i/{token}: links to images that need no API key."""

from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import RedirectResponse

from imagegen.api.deps import services_of
from imagegen.api.http.etags import is_known
from imagegen.api.http.image_stream import FOR_ALL_ORIGINS, LOCKED, image_response
from imagegen.api.http.policies import Access, RoutePolicy, policy
from imagegen.api.middleware.head_options import HEAD
from imagegen.api.openapi.responses import LINK_ENDED, LINK_NOT_FOUND, NO_RANGE, OF_ALL_ORIGINS, UNAVAILABLE
from imagegen.clock import now
from imagegen.observability.logs import bind_log_context
from imagegen.operations.bucket_reach import links_redirect
from imagegen.operations.linked_images import LinkedImage, find_linked_image
from imagegen.settings import Settings
from imagegen.storage.image_links import LINKS
from imagegen.storage.images.sniffing import is_shown_by_links

router = APIRouter(prefix=LINKS, tags=["images"])
_LONGEST_CACHED: Final = timedelta(hours=1)
_FILE: Final = {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
_TARGET: Final = {
    **OF_ALL_ORIGINS,
    "Location": {"schema": {"type": "string"}, "description": "The image in the bucket."},
}
_ANSWERS: Final = {
    200: {
        "description": "The image, as its own type. A file of another type is an attachment.",
        **_FILE,
        "headers": OF_ALL_ORIGINS,
    },
    206: {"description": "The bytes that `Range` names.", **_FILE, "headers": OF_ALL_ORIGINS},
    302: {"description": "`Location` is the image in the bucket, for clients to follow.", "headers": _TARGET},
    304: {"description": "You have this image: `If-None-Match` has its ETag.", "headers": OF_ALL_ORIGINS},
}


@router.get(
    "/{token}",
    response_class=Response,
    responses={**_ANSWERS, **LINK_NOT_FOUND, **LINK_ENDED, **NO_RANGE, **UNAVAILABLE},
)
@policy(RoutePolicy(access=Access.OPEN, produces=()))
async def open_link(
    token: Annotated[str, Path(description="From the `link` of an image.")], request: Request
) -> Response:
    """Open the link of an image, without an API key.

    It leads to the bucket, or, if that is not public, sends the image: JPEG, PNG, WebP, GIF and AVIF for display, any
    other file as an attachment. Pages of any origin may read it. Deleting the job ends it.
    """
    services = services_of(request)
    linked = await find_linked_image(token, services)
    bind_log_context(job_id=linked.job_id)
    image, file_name = linked.image, _file_name(linked)
    headers = {**FOR_ALL_ORIGINS, **LOCKED, "ETag": f'"{image.sha256}"', "Cache-Control": _caching(linked)}
    headers["Access-Control-Expose-Headers"] = "Accept-Ranges, Content-Disposition, Content-Range, ETag"
    if is_known(request.headers.get("if-none-match", ""), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    is_shown = is_shown_by_links(image.content_type)
    if is_shown and links_redirect(services.settings):
        url = await services.images.inline_url(image.key, image.content_type, file_name, _left(linked))
        return RedirectResponse(url, 302, {**headers, "Cache-Control": _caching(linked, services.settings)})
    headers["Content-Disposition"] = f'{"inline" if is_shown else "attachment"}; filename="{file_name}"'
    return image_response(request, services, image, headers, is_head=bool(request.scope.get(HEAD)))


def _file_name(linked: LinkedImage) -> str:
    return f"{linked.job_id}-{linked.number}.{linked.image.key.rpartition('.')[2]}"


def _left(linked: LinkedImage) -> timedelta | None:
    """How long the link still works; None for ever."""
    return linked.ends_at and linked.ends_at - now()


def _caching(linked: LinkedImage, redirecting: Settings | None = None) -> str:
    """For an hour at most, in the browser only; a redirect for half as long as its signature is valid at most."""
    limits = [_LONGEST_CACHED, _left(linked) or _LONGEST_CACHED]
    if redirecting is not None:
        limits.append(redirecting.s3.presign_expires / 2)
    return f"private, max-age={max(0, int(min(limits).total_seconds()))}"
