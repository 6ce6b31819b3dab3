"""Jobs in the form of fal's own answers: the result, the failure, and the webhook. Source: fal's documentation."""

import asyncio
import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from http import HTTPStatus
from typing import Final

from pydantic import JsonValue

from imagegen.jobs import INPUT_REFUSED, OUTPUT_REFUSED, PROVIDER_ACCOUNT, Job, JobStatus, StoredImage
from imagegen.json_object import JsonObject
from imagegen.services import Services
from imagegen.wire.fal_shapes import Placed, with_images

CANCELLED_STATUS: Final = 499
_INTERNAL: Final = "internal_error"
_CANCELLED: Final = "client_cancelled"
# A line of fal's `detail` as a job keeps it: the place, and the message.
_PLACED: Final = re.compile(r"((?:body|input|query|path|header)(?:\.[\w-]+)*): (.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class FalFailure:
    """The answer for a job that ended without images.

    Attributes:
        status: fal's if it answered so, else ours; 499 for a cancelled job.
        body: `detail`, a list for a 422 and else a text, `message`, and `error_type`.
        headers: `X-Fal-Error-Type`, unless the model itself refused.
    """

    status: int
    body: Mapping[str, JsonValue]
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def text(self) -> str:
        """The message for people."""
        return str(self.body["message"])


def failure_of(job: Job) -> FalFailure | None:
    """The failure of an ended job; None if it has completed."""
    if job.status is JobStatus.CANCELLED:
        return _infrastructure(CANCELLED_STATUS, "The request was cancelled by its client.", _CANCELLED)
    if job.error is None:
        return None
    error = job.error
    status = _status_of(job)
    if status != HTTPStatus.UNPROCESSABLE_ENTITY:
        return _infrastructure(status, error.message, error.fal_error_type or _INTERNAL)
    kind = error.fal_error_type or error.code
    details = [_detail(line, kind) for line in error.fal_detail or (error.message,)]
    return FalFailure(status, {"detail": details, "message": error.message, "error_type": kind})


def billable_units(job: Job) -> Decimal | None:
    """What fal billed, in its unit; None if it did not say."""
    return job.cost.provider_units


def inference_seconds(job: Job) -> float | None:
    """How long fal worked on the request, as its result says; None if it does not."""
    timings = job.result.payload.get("timings") if job.result else None
    found = timings.get("inference") if isinstance(timings, dict) else None
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None


async def result_of(job: Job, services: Services, *, address: str | None = None, inline: bool = False) -> JsonObject:
    """fal's result of a completed job, as it was recorded, with its images where the model puts them.

    Args:
        job: completed.
        services: for links to its images, and for their bytes.
        address: scheme and host by which the caller reaches the service; None if that is not known.
        inline: whether the images are data URIs in place of links.

    Raises:
        ObjectStoreUnavailable: the images cannot be read now.
        DatabaseUnavailable: the secrets of links cannot.
    """
    here = services.settings.service.public_url or address
    assert job.result is not None
    placed: list[Placed] = []
    for number, image in enumerate(job.images):
        url = await (_data_uri(image, services) if inline else image_link(job, number, services, here))
        placed.append(Placed(image.role, _file(image, url)))
    shaped = with_images(job.result.details, services.registry.outputs.get(job.endpoint, ()), placed)
    return {**shaped, "imagegen": {"jobId": job.id, "cost": float(job.cost.total_cost)}}


async def webhook_of(job: Job, services: Services) -> JsonObject:
    """The body of fal's webhook for an ended job."""
    names = {"request_id": job.id, "gateway_request_id": job.id}
    if failure := failure_of(job):
        error = f"Invalid status code: {failure.status}"
        return {**names, "status": "ERROR", "error": error, "payload": dict(failure.body)}
    return {**names, "status": "OK", "payload": dict(await result_of(job, services))}


async def image_link(job: Job, number: int, services: Services, here: str | None) -> str:
    """The link to an image that scripts keep, and open without a key.

    It leads to the public bucket, if there is one, else to this service at `here`. A webhook of a service that does not
    know its own address has the short-lived link to the bucket.
    """
    if here is None or services.settings.s3.public_url is not None:
        return await services.images.url(job.images[number].key)
    return here + services.links.path(job.id, number)


def _file(image: StoredImage, url: str) -> JsonObject:
    """An image as fal's `File`: what its stored bytes say."""
    return {
        "url": url,
        "content_type": image.content_type,
        "file_name": image.key.rpartition("/")[2],
        "file_size": image.size_bytes,
        "width": image.width,
        "height": image.height,
    }


async def _data_uri(image: StoredImage, services: Services) -> str:
    async with services.images.read_content(image.key) as (content, _):
        encoded = await asyncio.to_thread(base64.b64encode, content)
    return f"data:{image.content_type};base64,{encoded.decode()}"


def _status_of(job: Job) -> int:
    error = job.error
    assert error is not None
    if error.code == PROVIDER_ACCOUNT:  # fal's 401 or 403 is about the service's account, not about the caller's key
        return HTTPStatus.INTERNAL_SERVER_ERROR
    if error.fal_status is not None and error.fal_status >= HTTPStatus.BAD_REQUEST:
        return error.fal_status
    is_refused = error.code in {INPUT_REFUSED, OUTPUT_REFUSED}
    return HTTPStatus.UNPROCESSABLE_ENTITY if is_refused else HTTPStatus.INTERNAL_SERVER_ERROR


def _infrastructure(status: int, message: str, kind: str) -> FalFailure:
    body = {"detail": message, "message": message, "error_type": kind}
    return FalFailure(int(status), body, {"X-Fal-Error-Type": kind.encode("ascii", "replace").decode()})


def _detail(line: str, kind: str) -> JsonValue:
    found = _PLACED.fullmatch(line)
    place: Sequence[str] = found[1].split(".") if found else ("body",)
    loc: list[JsonValue] = [int(step) if step.isdecimal() else step for step in place]
    return {"loc": loc, "msg": found[2] if found else line, "type": kind}
