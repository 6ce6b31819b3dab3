"""Spans, on OpenTelemetry's API: what a request, its job and each call to another server take.

Without a collector, the tracer is OpenTelemetry's no-op one. It records nothing and passes a caller's trace on; where
there is no trace, a span costs less than a microsecond. `otlp` has the tracer that records.

The tracer is not global but given to the application and to `Services`, so that no library can record through it: other
people's spans have paths and the words of exceptions in them. A span finds its tracer where it finds its parent, in the
context of the current task.
"""

from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final, cast

from opentelemetry import context
from opentelemetry.context import Context
from opentelemetry.trace import (
    INVALID_SPAN,
    NoOpTracer,
    Span,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    format_span_id,
    format_trace_id,
    set_span_in_context,
)
from opentelemetry.trace import get_current_span as current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

__all__ = [
    "HEADER",
    "NO_TRACER",
    "Attributes",
    "Span",
    "SpanKind",
    "Tracer",
    "current_span",
    "current_trace_id",
    "root_span",
    "set_error",
    "span",
    "traceparent_of",
]

HEADER: Final = "traceparent"
NO_TRACER: Final[Tracer] = NoOpTracer()
Attributes = Mapping[str, str | int | float | bool]
_NONE: Final[Attributes] = {}
_W3C: Final = TraceContextTextMapPropagator()
_LONGEST: Final = 512  # characters; the propagator logs a warning for each header that is longer
_TRACER: Final = context.create_key("imagegen-tracer")


def root_span(
    name: str,
    kind: SpanKind,
    attributes: Attributes = _NONE,
    *,
    tracer: Tracer,
    parent: str | None = None,
    began_at: int | None = None,
) -> AbstractContextManager[Span]:
    """A span without another above it in this process, as the current span while the block lasts.

    Args:
        name: of the work.
        kind: which side of a call it is.
        attributes: by OpenTelemetry's semantic conventions if there is one.
        tracer: records this span and those below it.
        parent: the traceparent of a span in another process. None or an invalid one begins a new trace.
        began_at: nanoseconds since 1970, if the work began before this call.
    """
    if parent is None and tracer is NO_TRACER:
        return nullcontext(INVALID_SPAN)
    made = tracer.start_span(name, _remote_context(parent), kind, attributes, start_time=began_at)
    within = set_span_in_context(made)
    return _entered(made, context.set_value(_TRACER, tracer, within) if made.is_recording() else within)


def span(name: str, kind: SpanKind = SpanKind.INTERNAL, attributes: Attributes = _NONE) -> AbstractContextManager[Span]:
    """A span below the current one while the block lasts; the current one itself if nothing is recorded."""
    tracer = cast("Tracer | None", context.get_value(_TRACER))
    if tracer is None:
        return nullcontext(current_span())
    made = tracer.start_span(name, None, kind, attributes)
    return _entered(made, set_span_in_context(made))


def traceparent_of(span: Span) -> str | None:
    """The header that makes another process continue this span's trace; None if there is no trace."""
    found = span.get_span_context()
    if not found.is_valid:
        return None
    return f"00-{format_trace_id(found.trace_id)}-{format_span_id(found.span_id)}-{found.trace_flags:02x}"


def current_trace_id() -> str | None:
    """The id of the current trace in hexadecimal digits, as all tools show it; None if there is no trace."""
    found = current_span().get_span_context()
    return format_trace_id(found.trace_id) if found.is_valid else None


def set_error(span: Span, error_type: str) -> None:
    """Mark a span as failed, by a type and never by a message, which may quote a prompt."""
    span.set_attribute("error.type", error_type)
    span.set_status(Status(StatusCode.ERROR))


def _remote_context(parent: str | None) -> Context:
    """The context of a span in another process; empty without a valid traceparent."""
    return _W3C.extract({HEADER: parent} if parent and len(parent) <= _LONGEST else {}, Context())


@contextmanager
def _entered(made: Span, within: Context) -> Generator[Span]:
    """Make a span the current one, then end it. An error that leaves the block marks it as failed, without words."""
    token = context.attach(within)
    try:
        yield made
    except BaseException as error:
        set_error(made, type(error).__name__)
        raise
    finally:
        context.detach(token)
        made.end()
