"""How notebooks show images and jobs."""

import base64
from collections.abc import Sequence
from html import escape

from imagegen_client._types import ImageData, JobData

_LARGEST = 20 * 2**20


def inline(image: ImageData, data: bytes | None) -> str:
    """An image element: with the bytes in it if they are there, so that the notebook keeps them, else by its link."""
    if data is not None and len(data) <= _LARGEST:
        source = f"data:{image.content_type};base64,{base64.b64encode(data).decode()}"
    else:
        source = image.url
    return f'<img src="{escape(source)}" alt="{escape(image.permalink)}" style="max-width: 100%">'


def figure(job: JobData, images: Sequence[str]) -> str:
    """A job's images above a line about it."""
    told = f"{job.model} · {job.status} · ${job.cost.total_cost} · {job.job_id}"
    if job.error is not None:
        told += f" · {job.error.message}"
    return f"<figure>{''.join(images)}<figcaption>{escape(told)}</figcaption></figure>"
