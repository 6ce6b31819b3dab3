from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from imagegen.jobs import (
    SUBMISSION_UNKNOWN,
    ImpossibleTransition,
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
from imagegen.jobs.cost import Cost

NOW = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
REQUEST = ProviderRequest(request_id="r", status_url="s", response_url="u", cancel_url="c")
RESULT = ProviderResult(images=(ProviderImage(url="p"),), billable_units=Decimal("1.5"), payload={"seed": 1})
STORED = StoredImage(key="k", content_type="image/png", width=1, height=1, size_bytes=1, sha256="0")
ERROR = JobError(code="provider_rejected", message="no")
UNKNOWN = JobError(code=SUBMISSION_UNKNOWN, message="it is unknown")


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


def test_completed_job_is_charged_for_its_images(running: Job) -> None:
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


def test_failed_job_is_not_charged(running: Job) -> None:
    assert running.submitting(NOW).failed(ERROR, NOW).cost.total_cost == 0


def test_refused_submission_leaves_nothing_open_at_fal(running: Job) -> None:
    assert running.submitting(NOW).failed(ERROR, NOW).submission == Submission()


def test_unconfirmed_submission_is_stored_as_unknown(running: Job) -> None:
    job = running.submitting(NOW).failed_as_unknown(ERROR, NOW)

    assert (job.status, job.submission.state) == (JobStatus.FAILED, SubmissionState.UNKNOWN)


def test_unconfirmed_request_is_never_sent_again(running: Job) -> None:
    held = running.submitting(NOW, "digest").unconfirmed()

    assert (held.status, held.submission.state, held.accepts_late_request_id) == (
        JobStatus.RUNNING,
        SubmissionState.UNKNOWN,
        True,
    )
    with pytest.raises(ImpossibleTransition):
        held.submitting(NOW)


def test_late_request_id_is_accepted(running: Job) -> None:
    intent = running.submitting(NOW, "digest")
    known = replace(intent.submission, state=SubmissionState.SUBMITTED, request=REQUEST)

    assert [job.with_late_request_id(REQUEST).submission for job in (intent, intent.unconfirmed())] == [known, known]


def test_late_request_id_revives_a_failed_job(running: Job) -> None:
    asked = replace(running, images_requested=2).submitting(NOW)
    failed = asked.failed_as_unknown(UNKNOWN, NOW)

    assert failed.with_late_request_id(REQUEST) == replace(
        asked,
        version=failed.version + 1,
        submission=Submission(state=SubmissionState.SUBMITTED, intended_at=NOW, request=REQUEST),
    )


def test_request_cancelled_by_fal_is_not_charged(running: Job) -> None:
    stopping = running.submitting(NOW).submitted(REQUEST).stopping(StopReason.CANCELLED, NOW)
    job = stopping.cancelled(NOW)

    assert (job.status, job.cost.total_cost, job.completed_at) == (JobStatus.CANCELLED, 0, NOW)


def test_unsent_request_may_be_sent_again(running: Job) -> None:
    again = running.submitting(NOW).not_sent().submitting(NOW)

    assert again.submission.state is SubmissionState.SUBMITTING


Transition = Callable[[Job], Job]
IMPOSSIBLE: dict[str, Transition] = {
    "submit twice": lambda job: job.submitting(NOW).submitting(NOW),
    "submitted without an intent": lambda job: job.submitted(REQUEST),
    "not sent without an intent": lambda job: job.not_sent(),
    "a result of nothing": lambda job: job.with_result(RESULT),
    "complete without a result": lambda job: job.completed((STORED,), NOW),
    "unknown without an intent": lambda job: job.failed_as_unknown(ERROR, NOW),
    "a late id for a job that has one": lambda job: (
        job.submitting(NOW).submitted(REQUEST).with_late_request_id(REQUEST)
    ),
    "a late id for a job that was not sent": lambda job: job.with_late_request_id(REQUEST),
    "a late id for a job that fal refused": lambda job: (
        job.submitting(NOW).failed(ERROR, NOW).with_late_request_id(REQUEST)
    ),
    "lose what was not sent": lambda job: job.unconfirmed(),
    "generate what was not sent": lambda job: job.generating(NOW),
    "stop what was not sent": lambda job: job.stopping(StopReason.CANCELLED, NOW),
    "stop twice": lambda job: (
        job.submitting(NOW).submitted(REQUEST).stopping(StopReason.JOB_TIMEOUT, NOW).stopping(StopReason.CANCELLED, NOW)
    ),
    "cancel what fal has without asking it": lambda job: job.submitting(NOW).submitted(REQUEST).cancelled(NOW),
    "cancel after the end": lambda job: job.cancelled(NOW).cancelled(NOW),
    "fail twice": lambda job: job.failed(ERROR, NOW).failed(ERROR, NOW),
    "submit after the end": lambda job: job.failed(ERROR, NOW).submitting(NOW),
    "fail before a runner takes it": lambda job: replace(job, status=JobStatus.QUEUED).failed(ERROR, NOW),
}


@pytest.mark.parametrize("transition", IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
def test_impossible_transitions_are_refused(running: Job, transition: Transition) -> None:
    with pytest.raises(ImpossibleTransition):
        transition(running)


def test_ids_sort_by_time() -> None:
    before, at, after = (new_job_id(NOW + timedelta(milliseconds=n)) for n in (-1, 0, 1))

    assert before < first_job_id_at(NOW) <= at < first_job_id_at(NOW + timedelta(milliseconds=1)) <= after


@pytest.mark.parametrize(
    "text", ["", "../etc", "01ARZ3NDEKTSV4RRFFQ69G5FA", "01arz3ndektsv4rrffq69g5fav", "8" + "0" * 25]
)
def test_other_text_is_not_a_job_id(text: str) -> None:
    assert not is_job_id(text)


def test_time_before_1970_has_the_smallest_id() -> None:
    assert first_job_id_at(datetime(1, 1, 1, tzinfo=UTC)) == "0" * 26


def test_new_job_id_is_a_job_id() -> None:
    assert is_job_id(new_job_id(NOW))
