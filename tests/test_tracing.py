"""A caller's trace is passed on as the standard wants it, also where nobody records anything."""

import pytest

from imagegen.tracing import PASS_ON, current_traceparent, read_traceparent, span, trace_id

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
        (f"ff-{ID}-{PARENT}-01", None),
        (f"00-{'0' * 32}-{PARENT}-01", None),
        (f"00-{ID}-{'0' * 16}-01", None),
        (GIVEN.upper(), None),
        (f"{GIVEN}\n", GIVEN),
        (ID, None),
        ("", None),
    ],
)
def test_a_traceparent_is_read_as_the_standard_wants_it(header: str, read: str | None) -> None:
    assert read_traceparent([header]) == read


def test_a_traceparent_that_is_missing_or_given_twice_is_none() -> None:
    assert [read_traceparent([]), read_traceparent([GIVEN, GIVEN])] == [None, None]


def test_without_a_recorder_the_callers_trace_is_passed_on_from_everything_below() -> None:
    with PASS_ON.trace("job", "consumer", parent=GIVEN), span("submit"), span("POST", "client") as sending:
        seen = [current_traceparent(), sending.traceparent]

    assert (seen, current_traceparent(), trace_id(GIVEN)) == ([GIVEN, GIVEN], None, ID)


def test_without_a_recorder_nothing_is_traced_that_no_caller_traces() -> None:
    with PASS_ON.trace("job", "consumer"), span("submit") as submit:
        submit.note({"a": 1})
        submit.failed("oh")

        assert (submit.traceparent, current_traceparent()) == (None, None)
