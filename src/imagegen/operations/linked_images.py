"""The image that a link without an API key leads to."""

from dataclasses import dataclass
from datetime import datetime

from imagegen.clock import now
from imagegen.errors import JobDeleted, JobNotFound, LinkEnded, LinkNotFound
from imagegen.jobs import StoredImage
from imagegen.services import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedImage:
    """The image of a link that works.

    Attributes:
        job_id: its job's.
        number: its position in the job's images, from 0.
        image: as the job has it.
        ends_at: when the link ends; None for never.
    """

    job_id: str
    number: int
    image: StoredImage
    ends_at: datetime | None


async def find_linked_image(token: str, services: Services) -> LinkedImage:
    """The image that a link's token names. The job is read each time, so its deletion ends the link at once.

    Raises:
        LinkNotFound: this service did not make the token, or there is no such image.
        LinkEnded: it has expired, or its job was deleted.
        DatabaseUnavailable: MongoDB does not answer.
    """
    link = await services.links.read(token)
    if link is None:
        raise LinkNotFound
    if link.has_ended(now()):
        raise LinkEnded
    try:
        job = await services.jobs.get(link.job_id)
    except JobDeleted:
        raise LinkEnded from None
    except JobNotFound:
        raise LinkNotFound from None
    if not job.status.is_final or link.number >= len(job.images):
        raise LinkNotFound
    return LinkedImage(job_id=job.id, number=link.number, image=job.images[link.number], ends_at=link.ends_at)
