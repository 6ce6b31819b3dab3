"""fal's result, and its images on their way to S3."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from imagegen.jobs.details import result_details
from imagegen.jobs.urls import normalize_url
from imagegen.json_object import JsonObject


class ImageRole(StrEnum):
    """What an image of a result is: an image, or a mask beside it, which is not charged."""

    IMAGE = "image"
    MASK = "mask"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderImage:
    """An image as fal's result lists it. Its type and size are read from its bytes, not from the result.

    `url` is a key in the bucket, or `data:,`, if the result held the bytes themselves; the job's `transfer` then says
    whether they were stored.
    """

    url: str
    nsfw: bool | None = None
    role: ImageRole = ImageRole.IMAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderResult:
    """fal's result, recorded as soon as it is read because fal keeps it for minutes only.

    Attributes:
        images: in fal's order; empty if the job failed because there were none.
        billable_units: the header `X-Fal-Billable-Units`, in the endpoint's own unit; None if fal sent none.
        payload: the other members, bounded by `result_details`. Jobs of version 0.1.0 have the whole answer.
    """

    images: tuple[ProviderImage, ...]
    billable_units: Decimal | None
    payload: JsonObject

    @property
    def details(self) -> JsonObject:
        """The members beside the images, bounded, whichever version stored them."""
        return result_details(self.payload, {normalize_url(image.url) for image in self.images})


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredImage:
    """An image in S3. Content type, displayed size in pixels, and digest are read from its bytes.

    `width` and `height` are None for files without pixels: an SVG, or bytes that no decoder opens.
    """

    key: str
    content_type: str
    width: int | None
    height: int | None
    size_bytes: int
    sha256: str
    nsfw: bool | None = None
    role: ImageRole = ImageRole.IMAGE

    @property
    def pixels(self) -> int | None:
        """How many it has; None if it has none."""
        return None if self.width is None or self.height is None else self.width * self.height


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferredImage:
    """An image that is in S3 while others of its job are not. `index` is its position in fal's result, from 0."""

    index: int
    image: StoredImage


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingImage:
    """An image of fal's result that could not be delivered. `index` is its position in fal's result, from 0."""

    index: int
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Progress of moving the images to S3.

    Attributes:
        attempts: how many attempts left some images unmoved.
        unreadable: in how many of them an image was empty or of no known format.
        gone: in how many of them the media host did not have an image.
        first_failed_at: when the first attempt failed.
        last_error: why the last attempt failed.
        stored: the images that are in S3 already.
        missing: the inline images found invalid before the result was recorded, which does not hold their bytes.
    """

    attempts: int = 0
    unreadable: int = 0
    gone: int = 0
    first_failed_at: datetime | None = None
    last_error: str | None = None
    stored: tuple[TransferredImage, ...] = ()
    missing: tuple[MissingImage, ...] = ()
