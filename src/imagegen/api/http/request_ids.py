"""The id of the current request: in a header of the response, in every problem and in every log line."""

from contextvars import ContextVar
from typing import Final
from uuid import uuid4

HEADER: Final = "X-Request-Id"
_current: ContextVar[str] = ContextVar("request_id")


def current_request_id() -> str:
    """The id of the current request; outside of one, a fresh id."""
    return _current.get(None) or uuid4().hex


def set_request_id(request_id: str) -> None:
    """Set the id of the current request. It is never reset: a 500 is written after the middleware has returned."""
    _current.set(request_id)
