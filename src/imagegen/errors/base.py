"""The root of the error tree."""


class ImagegenError(Exception):
    """Base class of every error that imagegen raises on purpose."""
