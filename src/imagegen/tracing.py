"""The trace that a piece of work belongs to: from the request that asked for it, through the job, to who is called.

Rooms name what they do with `span`; a `Tracer` decides what becomes of it. The one below only passes a caller's trace
on, as W3C's `traceparent`, and costs next to nothing where there is none. `telemetry` has the one that records.
"""

import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Final, Literal, Protocol, Self

HEADER: Final = "traceparent"
# https://www.w3.org/TR/trace-context/: no zero ids, no version ff; a later version may have more at its end.
_TRACEPARENT: Final = re.compile(r"(?!ff)([0-9a-f]{2})-((?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2})(-.*)?")
_TRACE_ID: Final = slice(3, 35)
Attributes = Mapping[str, str | int | float | bool]
Kind = Literal["internal", "server", "client", "producer", "consumer"]
_NONE: Final[Attributes] = {}


class Span(Protocol):
    """A piece of work with a beginning and an end."""

    @property
    def traceparent(self) -> str | None:
        """What tells others which trace they work for, and under which span; None where nothing is traced."""
        ...

    def child(self, name: str, kind: Kind, attributes: Attributes) -> "AbstractContextManager[Span]":
        """A part of this work, while the block lasts; an error that leaves the block makes it a failed one."""
        ...

    def note(self, attributes: Attributes) -> None:
        """Add to what is known about it."""
        ...

    def rename(self, name: str) -> None:
        """Give it a better name, once that is known."""
        ...

    def failed(self, error_type: str) -> None:
        """Say that it failed; by a type, never by words, which may quote a prompt."""
        ...


class Tracer(Protocol):
    """Begins what has no span above it in this process."""

    def trace(
        self,
        name: str,
        kind: Kind,
        attributes: Attributes = _NONE,
        *,
        parent: str | None = None,
        began_at: int | None = None,
    ) -> AbstractContextManager[Span]:
        """Make a span the current one while the block lasts.

        Args:
            name: of what is done.
            kind: which side of a call it is.
            attributes: by OpenTelemetry's semantic conventions where there is one.
            parent: the traceparent of the span above, in another process; None begins a trace.
            began_at: nanoseconds since 1970, where the work began before this call.
        """
        ...


class PassedOn:
    """A span that nobody records: whatever is done under it is done for the caller's own span, or for none."""

    def __init__(self, traceparent: str | None) -> None:
        self.traceparent = traceparent

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing was begun."""

    def child(self, name: str, kind: Kind, attributes: Attributes) -> Self:  # noqa: ARG002 - nobody records them
        """The same span."""
        return self

    def note(self, attributes: Attributes) -> None:
        """Nobody records it."""

    def rename(self, name: str) -> None:
        """Nobody records it."""

    def failed(self, error_type: str) -> None:
        """Nobody records it."""


_UNTRACED: Final = PassedOn(None)
_current: ContextVar[Span] = ContextVar("span", default=_UNTRACED)


class PassOn:
    """The tracer of a process without OpenTelemetry."""

    def trace(
        self,
        name: str,  # noqa: ARG002 - nobody records it
        kind: Kind,  # noqa: ARG002
        attributes: Attributes = _NONE,  # noqa: ARG002
        *,
        parent: str | None = None,
        began_at: int | None = None,  # noqa: ARG002
    ) -> AbstractContextManager[Span]:
        """Pass the caller's trace on."""
        return _UNTRACED if parent is None else entered(PassedOn(parent))


PASS_ON: Final[Tracer] = PassOn()


@contextmanager
def entered(span: Span) -> Generator[Span]:
    """Make a span the current one while the block lasts."""
    token = _current.set(span)
    try:
        yield span
    finally:
        _current.reset(token)


def span(name: str, kind: Kind = "internal", attributes: Attributes = _NONE) -> AbstractContextManager[Span]:
    """A part of the work that is being done, while the block lasts."""
    return _current.get().child(name, kind, attributes)


def current_span() -> Span:
    """The span of the work that is being done; one that nobody records where there is none."""
    return _current.get()


def current_traceparent() -> str | None:
    """What the work that is being done tells others about its trace; None where nothing is traced."""
    return _current.get().traceparent


def trace_id(traceparent: str) -> str:
    """The id of the trace, as every tool shows it."""
    return traceparent[_TRACE_ID]


def read_traceparent(headers: Sequence[str]) -> str | None:
    """The caller's traceparent; None where the header is missing, given twice, or not as the standard wants it."""
    match = _TRACEPARENT.fullmatch(headers[0].strip()) if len(headers) == 1 else None
    if match is None or (match[1] == "00" and match[3]):
        return None
    return f"00-{match[2]}"
