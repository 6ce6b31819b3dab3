from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from imagegen.costs import Cost
from imagegen.jobs import (
    SUBMISSION_UNKNOWN,
    ImpossibleMove,
    Job,
    JobError,
    JobStatus,
    ProviderImage,
    ProviderRequest,
    ProviderResult,
    StopReason,
    StoredImage,
    Submission,
    SubmissionState,
    first_job_id_at,
    is_job_id,
    new_job_id,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
REQUEST = ProviderRequest(request_id="r", status_url="s", response_url="u", cancel_url="c")
RESULT = ProviderResult(images=(ProviderImage(url="p"),), billable_units=Decimal("1.5"), payload={"seed": 1})
STORED = StoredImage(key="k", content_type="image/png", width=1, height=1, size_bytes=1, sha256="0")
ERROR = JobError(code="provider_rejected", message="no")
UNKNOWN = JobError(code=SUBMISSION_UNKNOWN, message="nobody knows")


@pytest.fixture
def running() -> Job:
    return Job(
        id=new_job_id(NOW),
        user_id="u",
        model="flux-pro",
        endpoint="fal-ai/flux-pro/v1.1",
        inputs={},
        options={},
        payload={},
        cost=Cost(cost_per_image=Decimal("0.05"), num_images=2),
        created_at=NOW,
        status=JobStatus.RUNNING,
    )


def test_the_way_to_completed_charges_the_pictures_that_arrived(running: Job) -> None:
    job = running.submitting(NOW).submitted(REQUEST).with_result(RESULT).completed((STORED,), NOW)

    assert job == replace(
        running,
        status=JobStatus.COMPLETED,
        version=running.version + 4,
        submission=Submission(state=SubmissionState.SUBMITTED, intended_at=NOW, request=REQUEST),
        result=RESULT,
        images=(STORED,),
        cost=Cost(
            cost_per_image=Decimal("0.05"),
            num_images=1,
            provider_units=Decimal("1.5"),
            source="billed",
            provider_note="fal.ai's unit price of this endpoint is not known.",
        ),
        completed_at=NOW,
    )
    assert job.cost.total_cost == Decimal("0.05")


def test_a_failed_job_is_not_charged(running: Job) -> None:
    assert running.submitting(NOW).failed(ERROR, NOW).cost.total_cost == 0


def test_a_refused_submission_leaves_nothing_open_at_fal(running: Job) -> None:
    assert running.submitting(NOW).failed(ERROR, NOW).submission == Submission()


def test_a_submission_that_may_have_been_accepted_is_remembered_as_unknown(running: Job) -> None:
    job = running.submitting(NOW).failed_as_unknown(ERROR, NOW)

    assert (job.status, job.submission.state) == (JobStatus.FAILED, SubmissionState.UNKNOWN)


def test_a_lost_request_is_held_and_never_sent_again(running: Job) -> None:
    held = running.submitting(NOW, "digest").lost()

    assert (held.status, held.submission.state, held.can_take_a_late_id) == (
        JobStatus.RUNNING,
        SubmissionState.UNKNOWN,
        True,
    )
    with pytest.raises(ImpossibleMove):
        held.submitting(NOW)


def test_a_late_id_is_taken_by_a_job_that_misses_it(running: Job) -> None:
    intent = running.submitting(NOW, "digest")
    known = replace(intent.submission, state=SubmissionState.SUBMITTED, request=REQUEST)

    assert [job.with_late_id(REQUEST).submission for job in (intent, intent.lost())] == [known, known]


def test_a_late_id_brings_back_a_job_that_had_failed_for_want_of_it(running: Job) -> None:
    asked = replace(running, pictures_asked=2).submitting(NOW)
    failed = asked.failed_as_unknown(UNKNOWN, NOW)

    assert failed.with_late_id(REQUEST) == replace(
        asked,
        version=failed.version + 1,
        submission=Submission(state=SubmissionState.SUBMITTED, intended_at=NOW, request=REQUEST),
    )


def test_what_fal_cancelled_is_not_charged(running: Job) -> None:
    stopping = running.submitting(NOW).submitted(REQUEST).stopping(StopReason.CANCELLED, NOW)
    job = stopping.cancelled(NOW)

    assert (job.status, job.cost.total_cost, job.completed_at) == (JobStatus.CANCELLED, 0, NOW)


def test_what_was_certainly_not_sent_may_be_sent_again(running: Job) -> None:
    again = running.submitting(NOW).not_sent().submitting(NOW)

    assert again.submission.state is SubmissionState.SUBMITTING


Move = Callable[[Job], Job]
IMPOSSIBLE: dict[str, Move] = {
    "submit twice": lambda job: job.submitting(NOW).submitting(NOW),
    "submitted without an intent": lambda job: job.submitted(REQUEST),
    "not sent without an intent": lambda job: job.not_sent(),
    "a result of nothing": lambda job: job.with_result(RESULT),
    "complete without a result": lambda job: job.completed((STORED,), NOW),
    "unknown without an intent": lambda job: job.failed_as_unknown(ERROR, NOW),
    "a late id for a job that has one": lambda job: job.submitting(NOW).submitted(REQUEST).with_late_id(REQUEST),
    "a late id for a job that was not sent": lambda job: job.with_late_id(REQUEST),
    "a late id for a job that fal refused": lambda job: job.submitting(NOW).failed(ERROR, NOW).with_late_id(REQUEST),
    "lose what was not sent": lambda job: job.lost(),
    "generate what was not sent": lambda job: job.generating(NOW),
    "stop what was not sent": lambda job: job.stopping(StopReason.CANCELLED, NOW),
    "stop twice": lambda job: (
        job.submitting(NOW).submitted(REQUEST).stopping(StopReason.JOB_TIMEOUT, NOW).stopping(StopReason.CANCELLED, NOW)
    ),
    "cancel what fal has without asking it": lambda job: job.submitting(NOW).submitted(REQUEST).cancelled(NOW),
    "cancel after the end": lambda job: job.cancelled(NOW).cancelled(NOW),
    "fail twice": lambda job: job.failed(ERROR, NOW).failed(ERROR, NOW),
    "submit after the end": lambda job: job.failed(ERROR, NOW).submitting(NOW),
    "fail before anybody runs it": lambda job: replace(job, status=JobStatus.QUEUED).failed(ERROR, NOW),
}


@pytest.mark.parametrize("move", IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
def test_an_impossible_move_is_refused(running: Job, move: Move) -> None:
    with pytest.raises(ImpossibleMove):
        move(running)


def test_ids_sort_by_time_and_bound_a_range_of_time() -> None:
    before, at, after = (new_job_id(NOW + timedelta(milliseconds=n)) for n in (-1, 0, 1))

    assert before < first_job_id_at(NOW) <= at < first_job_id_at(NOW + timedelta(milliseconds=1)) <= after


@pytest.mark.parametrize(
    "text", ["", "../etc", "01ARZ3NDEKTSV4RRFFQ69G5FA", "01arz3ndektsv4rrffq69g5fav", "8" + "0" * 25]
)
def test_what_is_no_job_id_is_seen(text: str) -> None:
    assert not is_job_id(text)


def test_a_time_before_all_jobs_is_a_bound_too() -> None:
    assert first_job_id_at(datetime(1, 1, 1, tzinfo=UTC)) == "0" * 26


def test_a_job_id_is_seen() -> None:
    assert is_job_id(new_job_id(NOW))
