"""What the Python client repeats, how, and for how long."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from imagegen_client import (
    ApiError,
    Conflict,
    ConnectionFailed,
    InvalidRequest,
    JobFailed,
    NotFound,
    ServiceUnavailable,
    WaitTimeout,
)
from tests.clients.conftest import JOB, QUEUED, Answer, Scripted, event, events, ok, problem

LOST = httpx.RemoteProtocolError("Server disconnected without sending a response.")


@pytest.mark.parametrize("lost", [LOST, httpx.ConnectError("refused"), httpx.ReadTimeout("quiet")])
def test_a_lost_answer_is_asked_for_with_the_same_key(scripted: Scripted, lost: Exception) -> None:
    scripted.answers(lost, lost, ok(JOB))

    scripted.client().run("flux-pro", prompt="A fox")

    assert len(scripted.requests) == 3
    assert len(set(scripted.sent("idempotency-key"))) == len(set(scripted.sent("x-request-id"))) == 1
    assert scripted.sent("prefer") == ["respond-async"] * 3


def test_each_call_has_a_key_of_its_own(scripted: Scripted) -> None:
    scripted.answers(ok(JOB), ok(JOB), ok(JOB))
    client = scripted.client()

    client.submit("flux-pro", prompt="A fox")
    client.submit("flux-pro", prompt="A fox")
    client.submit("flux-pro", prompt="A fox", idempotency_key="mine")

    first, second, own = scripted.sent("idempotency-key")
    assert first != second
    assert own == "mine"


def test_pauses_grow(scripted: Scripted) -> None:
    scripted.answers(*[LOST] * 8, ok(JOB))

    scripted.client().job("1")

    assert 0.25 <= scripted.pauses[0] <= 0.5
    assert 4 <= scripted.pauses[-1] <= 8
    assert scripted.pauses[:4] == sorted(scripted.pauses[:4])


@pytest.mark.parametrize("status", [408, 429, 502, 503, 504])
def test_retry_after_is_respected(scripted: Scripted, status: int) -> None:
    scripted.answers(problem(status, "unavailable", {"Retry-After": "7"}), ok(JOB))

    scripted.client().job("1")

    assert scripted.pauses == [7]


def test_retry_after_may_be_a_date(scripted: Scripted) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    scripted.answers(problem(503, "unavailable", {"Retry-After": date}), ok(JOB))

    scripted.client().job("1")

    assert 28 <= scripted.pauses[0] <= 30


def test_a_retry_after_beyond_the_total_time_is_an_error_at_once(scripted: Scripted) -> None:
    scripted.answers(problem(503, "provider_account", {"Retry-After": "600"}, retryable=True))

    with pytest.raises(ServiceUnavailable) as caught:
        scripted.client().run("flux-pro", prompt="A fox")

    assert (caught.value.retry_after, caught.value.retryable, scripted.pauses) == (600, True, [])


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (problem(400, "invalid_input"), InvalidRequest),
        (problem(404, "job_not_found"), NotFound),
        (problem(409, "idempotency_mismatch"), Conflict),
        (problem(500, "internal_error"), ApiError),
        (problem(500, "provider_unavailable", jobId="1", retryable=True, charged=False), JobFailed),
    ],
)
def test_a_final_answer_is_not_asked_for_again(scripted: Scripted, answer: Answer, kind: type[Exception]) -> None:
    scripted.answers(answer)

    with pytest.raises(kind):
        scripted.client().run("flux-pro", prompt="A fox")

    assert len(scripted.requests) == 1


def test_a_service_that_stays_away_is_an_error_with_the_key(scripted: Scripted) -> None:
    scripted.answers(LOST)

    with pytest.raises(ConnectionFailed) as caught:
        scripted.client(retry_for=0).run("flux-pro", prompt="A fox")

    assert [caught.value.idempotency_key] == scripted.sent("idempotency-key")
    assert [caught.value.request_id] == scripted.sent("x-request-id")
    assert (caught.value.retryable, caught.value.charged) == (True, None)


def test_a_deletion_whose_answer_was_lost_is_not_an_error(scripted: Scripted) -> None:
    scripted.answers(LOST, problem(410, "job_deleted"))

    scripted.client().delete("1")

    assert len(scripted.requests) == 2


def test_a_cut_stream_is_resumed(scripted: Scripted) -> None:
    scripted.answers(ok(QUEUED), events(event("queued")), LOST, events(event("completed", JOB)))

    job = scripted.client().run("flux-pro", prompt="A fox")

    assert job.status == "completed"
    assert scripted.sent("last-event-id")[1:] == [None, "1", "1"]


@pytest.mark.parametrize(
    "stream", [problem(503, "too_many_streams"), httpx.ReadTimeout("buffered"), events(), httpx.Response(204)]
)
def test_without_a_stream_it_waits_by_long_polls(scripted: Scripted, stream: Answer) -> None:
    scripted.answers(ok(QUEUED), stream, ok(QUEUED, etag='W/"1-2"'), httpx.Response(304), ok(JOB))
    told = list[str]()

    scripted.client().subscribe("flux-pro", prompt="A fox", on_event=lambda event: told.append(event.status))

    assert told == ["queued", "completed"]
    assert [request.url.params.get("wait") for request in scripted.requests[2:]] == ["30", "30", "30"]
    assert scripted.sent("if-none-match")[2:] == [None, 'W/"1-2"', 'W/"1-2"']


def test_polls_that_are_not_held_are_a_second_apart(scripted: Scripted) -> None:
    scripted.answers(problem(503, "too_many_streams"), *[httpx.Response(304)] * 5, ok(JOB))

    scripted.client().wait("1")

    assert len(scripted.pauses) == 5
    assert min(scripted.pauses) > 0.9


def test_a_timeout_ends_the_wait_and_not_the_job(scripted: Scripted) -> None:
    scripted.answers(ok(QUEUED), *[ok(QUEUED)] * 3)

    with pytest.raises(WaitTimeout, match="goes on") as caught:
        scripted.client().run("flux-pro", prompt="A fox", timeout=0)

    assert (caught.value.job_id, caught.value.retryable) == (JOB["jobId"], True)


def test_pages_are_fetched_as_they_are_reached(scripted: Scripted) -> None:
    scripted.answers(ok({"jobs": [JOB, JOB], "nextCursor": "c"}), ok({"jobs": [JOB], "nextCursor": None}))
    jobs = scripted.client().jobs(status="completed", page_size=2)

    next(jobs)
    assert len(scripted.requests) == 1
    assert len(list(jobs)) == 2
    assert [request.url.params.get("cursor") for request in scripted.requests] == [None, "c"]
