"""Errors of one image on its way from fal's media host to S3."""

from imagegen.errors.base import ImagegenError


class TransferError(ImagegenError):
    """An image could not be moved from fal's media host to S3."""


class TransferInterrupted(TransferError):
    """The transfer broke off or was truncated, or the media host refused for now. Try again."""


class MediaGone(TransferInterrupted):
    """The media host does not have the image: not yet, or no longer."""


class NotAnImage(TransferError):
    """The bytes arrived whole, but there are none, or no decoder opens them."""


class ImageTooLarge(TransferError):
    """The image is larger than IMAGEGEN_MAX_IMAGE_BYTES."""


class ForeignMediaHost(TransferError):
    """The image's URL is outside the provider's media hosts. It was not fetched."""
