"""Spans that OpenTelemetry records."""

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import Span as Recording
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace import Tracer as Recorder
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from imagegen.tracing import HEADER, Attributes, Kind, Span, entered

_KINDS: Final[dict[Kind, SpanKind]] = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
}
_W3C: Final = TraceContextTextMapPropagator()
_NONE: Final[Attributes] = {}


def context_of(traceparent: str | None) -> Context:
    """OpenTelemetry's context for what is done under a span of another process; empty for none."""
    return _W3C.extract({HEADER: traceparent} if traceparent else {}, Context())


class Recorded:
    """A span that is recorded, if the sampler wants it; its trace is passed on in any case."""

    def __init__(self, recording: Recording, recorder: Recorder) -> None:
        self._recording, self._recorder = recording, recorder
        context = recording.get_span_context()
        self.traceparent: str | None = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"

    def child(self, name: str, kind: Kind, attributes: Attributes) -> AbstractContextManager[Span]:
        """A part of this work."""
        return _recorded(
            self._recorder, name, kind, attributes, context=set_span_in_context(self._recording, Context())
        )

    def note(self, attributes: Attributes) -> None:
        """Add attributes."""
        self._recording.set_attributes(attributes)

    def rename(self, name: str) -> None:
        """Give it a better name."""
        self._recording.update_name(name)

    def failed(self, error_type: str) -> None:
        """Mark it as failed."""
        self._recording.set_attribute("error.type", error_type)
        self._recording.set_status(Status(StatusCode.ERROR))


class RecordingTracer:
    """Begins recorded spans."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def trace(
        self,
        name: str,
        kind: Kind,
        attributes: Attributes = _NONE,
        *,
        parent: str | None = None,
        began_at: int | None = None,
    ) -> AbstractContextManager[Span]:
        """Make a span the current one while the block lasts."""
        return _recorded(self._recorder, name, kind, attributes, context=context_of(parent), began_at=began_at)


@contextmanager
def _recorded(
    recorder: Recorder,
    name: str,
    kind: Kind,
    attributes: Attributes,
    *,
    context: Context,
    began_at: int | None = None,
) -> Generator[Span]:
    recording = recorder.start_span(name, context, _KINDS[kind], attributes, start_time=began_at)
    span = Recorded(recording, recorder)
    try:
        with entered(span):
            yield span
    except BaseException as error:
        span.failed(type(error).__name__)  # never its words: they may quote a prompt
        raise
    finally:
        recording.end()
