"""Errors that do not leave this room."""

from imagegen.errors import ResultUnavailable


class TransientError(ResultUnavailable):
    """A read failed for a reason that may pass, so asking again may help."""


class StreamUnsupported(Exception):
    """This request's status is not available as a stream."""
