"""A caller's trace is passed on as the standard wants it, also if no collector records anything."""

import pytest
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from imagegen.observability.tracing import (
    NO_TRACER,
    SpanKind,
    current_span,
    current_trace_id,
    root_span,
    span,
    traceparent_of,
)
from tests.support.collector import Memory

ID, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GIVEN = f"00-{ID}-{PARENT}-01"


@pytest.mark.parametrize(
    ("header", "read"),
    [
        (GIVEN, GIVEN),
        (f" {GIVEN} ", GIVEN),
        (f"cc-{ID}-{PARENT}-01-what-comes-next", GIVEN),
        (f"cc-{ID}-{PARENT}-01", GIVEN),
        (f"00-{ID}-{PARENT}-01-more", None),
        (f"cc-{ID}-{PARENT}-01-{'x' * 1000}", None),
        (f"ff-{ID}-{PARENT}-01", None),
        (f"00-{'0' * 32}-{PARENT}-01", None),
        (f"00-{ID}-{'0' * 16}-01", None),
        (GIVEN.upper(), None),
        (f"{GIVEN}\n", GIVEN),
        (ID, None),
        ("", None),
        (None, None),
    ],
)
def test_a_traceparent_is_read_as_the_standard_wants_it(header: str | None, read: str | None) -> None:
    with root_span("job", SpanKind.CONSUMER, tracer=NO_TRACER, parent=header) as root:
        assert traceparent_of(root) == read


def test_without_a_collector_a_trace_is_passed_on_from_below() -> None:
    with (
        root_span("job", SpanKind.CONSUMER, tracer=NO_TRACER, parent=GIVEN),
        span("submit"),
        span("POST", SpanKind.CLIENT) as sending,
    ):
        seen = [traceparent_of(current_span()), traceparent_of(sending), current_trace_id()]

    assert (seen, traceparent_of(current_span()), current_trace_id()) == ([GIVEN, GIVEN, ID], None, None)


def test_without_a_collector_no_trace_begins() -> None:
    with root_span("job", SpanKind.CONSUMER, tracer=NO_TRACER), span("submit") as submit:
        submit.set_attributes({"a": 1})

        assert (traceparent_of(submit), current_trace_id()) == (None, None)


def test_spans_nest_and_begin_when_their_work_did() -> None:
    memory = Memory()
    with root_span("job", SpanKind.CONSUMER, tracer=memory.tracer, parent=GIVEN, began_at=5), span("submit"):
        pass

    submit, job = memory.spans
    assert [made.context and made.context.trace_id for made in (submit, job)] == [int(ID, 16)] * 2
    assert (job.start_time, submit.parent) == (5, job.context)


@pytest.mark.parametrize("error", [ValueError("a secret prompt"), KeyboardInterrupt("a secret prompt")])
def test_an_error_fails_the_span_without_its_words(error: BaseException) -> None:
    memory = Memory()
    with pytest.raises(type(error)), root_span("job", SpanKind.CONSUMER, tracer=memory.tracer):
        raise error

    (job,) = memory.spans
    assert (dict(job.attributes or {}), job.status.is_ok, job.events) == (
        {"error.type": type(error).__name__},
        False,
        (),
    )
    assert "secret" not in str(job.to_json())


def test_what_the_sampler_drops_is_passed_on_and_not_recorded() -> None:
    memory = Memory(ALWAYS_OFF)
    with root_span("job", SpanKind.CONSUMER, tracer=memory.tracer, parent=GIVEN), span("submit") as submit:
        passed_on = traceparent_of(submit) or ""

    assert (passed_on[:36], passed_on[-2:], memory.spans) == (f"00-{ID}-", "00", ())
