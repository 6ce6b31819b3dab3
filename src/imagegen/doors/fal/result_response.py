"""The answer of an ended job, in fal's form."""

import asyncio
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from imagegen.api.deps import services_of
from imagegen.api.http.media_types import JSON
from imagegen.doors.fal.addresses import address_of
from imagegen.doors.fal.error_shapes import REPEATED, REQUEST_ID
from imagegen.jobs import Job
from imagegen.json_object import JsonObject
from imagegen.services import Services
from imagegen.wire.fal_results import billable_units, failure_of, result_of

_NONE: Final[Mapping[str, str]] = {}


def json_response(content: JsonObject, status: int = 200, headers: Mapping[str, str] = _NONE) -> Response:
    """A response in JSON."""
    return Response(json.dumps(content), status, dict(headers), media_type=JSON)


async def result_response(
    job: Job, request: Request, headers: Mapping[str, str] = _NONE, *, of_run: bool = False
) -> Response:
    """The result of a completed job, or why there is none.

    Args:
        job: ended.
        request: whose client is to reach the images.
        headers: further ones.
        of_run: whether the request that waits has made the job: it is never told to send it again.
    """
    headers = {**headers, REQUEST_ID: job.id}
    if failure := failure_of(job):
        is_repeated = of_run and failure.status in REPEATED
        status = HTTPStatus.INTERNAL_SERVER_ERROR if is_repeated else failure.status
        return json_response(failure.body, status, {**headers, **failure.headers})
    if (units := billable_units(job)) is not None:
        headers["x-fal-billable-units"] = str(units)
    services = services_of(request)
    is_inline = _is_inline(job, services)
    content = await result_of(job, services, address=address_of(request), inline=is_inline)
    if is_inline:
        return await asyncio.to_thread(json_response, content, 200, headers)
    return json_response(content, 200, headers)


def _is_inline(job: Job, services: Services) -> bool:
    """Whether the images are data URIs: they were asked for, and a request could have as many bytes of them."""
    size = sum(image.size_bytes for image in job.images)
    wanted = job.fal_call is not None and job.fal_call.inline
    return wanted and size <= services.settings.limits.max_data_uri_bytes
