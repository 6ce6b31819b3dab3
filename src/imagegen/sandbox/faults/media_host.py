"""Faults of the media host, which serves the images."""

from typing import Annotated, Literal

from pydantic import Field

from imagegen.sandbox.faults.planned import ErrorStatus, Planned, Seconds


class MediaStatus(Planned):
    """The media host answers with an error."""

    fault: Literal["media_status"]
    status: ErrorStatus


class MediaDelay(Planned):
    """The answer of the media host is late."""

    fault: Literal["media_delay"]
    seconds: Seconds


class MediaTruncated(Planned):
    """Only the first part of the image is sent: the share `keep`, 0 to 1.

    The content-length is that of the `whole` image, of the `kept` part, or `absent`: then the chunked body breaks off.
    """

    fault: Literal["media_truncated"]
    keep: Annotated[float, Field(ge=0, lt=1)] = 0.5
    length: Literal["whole", "kept", "absent"] = "whole"


class MediaChunked(Planned):
    """The whole image, without a content-length."""

    fault: Literal["media_chunked"]


class MediaCorrupt(Planned):
    """Other bytes than an image's: noise, an HTML page under the image's content type, or none at all."""

    fault: Literal["media_corrupt"]
    bytes: Literal["noise", "html", "nothing"] = "noise"


class MediaContentType(Planned):
    """The whole image under another content type; None omits the header."""

    fault: Literal["media_content_type"]
    content_type: str | None


class MediaHuge(Planned):
    """The image, still valid, padded by this many MiB while it is sent."""

    fault: Literal["media_huge"]
    mebibytes: Annotated[int, Field(ge=1, le=2048)]
    content_length: bool = True
