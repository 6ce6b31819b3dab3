"""Images: those that a job delivered or could not deliver, and those that a caller uploaded."""

from pydantic import Field

from imagegen.wire.base import Wire


class Image(Wire):
    """An image in the bucket. Its type, size and digest were read from its bytes."""

    url: str = Field(description="Download link: signed anew at every read, or below S3_PUBLIC_URL.")
    permalink: str = Field(description="Permanent link; a relative path unless PUBLIC_URL is set.")
    link: str = Field(
        description="Link for people and programs without an API key, until its job is deleted or "
        "IMAGEGEN_LINK_EXPIRES is over; a relative path unless PUBLIC_URL is set."
    )
    key: str = Field(description="Key in the bucket. It never changes.")
    content_type: str = Field(
        description="Media type, detected from the bytes; `application/octet-stream` if no decoder opens them.",
        examples=["image/png"],
    )
    width: int | None = Field(
        description="Pixels, as displayed; null for an SVG, and for bytes that no decoder opens.", examples=[1024]
    )
    height: int | None = Field(
        description="Pixels, as displayed; null for an SVG, and for bytes that no decoder opens.", examples=[768]
    )
    size_bytes: int = Field(description="Size of the stored file in bytes.")
    sha256: str = Field(description="SHA-256 of the stored file, in lower-case hex.")
    role: str = Field(
        description="What it is: an `image`, or a `mask` beside images, which is not charged.", examples=["image"]
    )
    nsfw: bool | None = Field(
        description="Whether fal's safety checker flagged the image; null if the model has no checker."
    )


class MissingImage(Wire):
    """An image that fal.ai generated and that could not be delivered. It is not charged."""

    index: int = Field(description="Its position among fal.ai's images, from 0.", examples=[1])
    code: str = Field(
        description="Stable code, for programs.",
        examples=["picture_too_large"],
    )
    message: str = Field(
        description="Explanation, for people.",
        examples=["the image has more than 67108864 bytes (IMAGEGEN_MAX_IMAGE_BYTES)"],
    )


class Upload(Wire):
    """An image that the caller uploaded. Its type, size and digest were read from its bytes."""

    url: str = Field(description="Use it as `image_url`, in `image_urls` and the like in requests of the same user.")
    key: str = Field(description="Key in the bucket. The same image gets the same key.")
    content_type: str = Field(description="Media type, detected from the bytes.", examples=["image/png"])
    width: int = Field(description="Pixels, as displayed.")
    height: int = Field(description="Pixels, as displayed.")
    size_bytes: int = Field(description="Size of the file in bytes.")
    sha256: str = Field(description="SHA-256 of the file, in lower-case hex.")
