"""What an unfinished job waits for, as one phrase for people. Pure."""

from datetime import datetime
from typing import Final

from imagegen.jobs.holds import HoldKind
from imagegen.jobs.record import JobRecord
from imagegen.jobs.submission import SubmissionState
from imagegen.jobs.values import JobStatus

_LONGEST_REASON: Final = 300
_HELD: Final = {
    HoldKind.OBJECT_STORE: "S3 to be usable before it is sent to fal.ai: {reason}",
    HoldKind.ACCOUNT: "fal.ai to accept requests from this service's account again",
    HoldKind.SLOT: "a free slot at fal.ai: {reason}",
    HoldKind.SUBMIT: "fal.ai to accept its request: {reason}",
    HoldKind.STATUS: "fal.ai's status of its request, which cannot be read: {reason}",
    HoldKind.RESULT: "fal.ai's result, which cannot be read: {reason}",
    HoldKind.KEEP_RESULT: "S3 to keep fal.ai's result, which is too large for MongoDB: {reason}",
    HoldKind.ATTENTION: "an operator to look at it: {reason}",
}
_STOPPING: Final = "fal.ai to confirm the cancellation of its request"
_STOPPING_UNREADABLE: Final = f"{_STOPPING}, whose status cannot be read: {{reason}}"


def waiting_for(job: JobRecord) -> str | None:
    """What the job waits for and since when, in at most about 400 characters; None once it has ended."""
    if job.status.is_final:
        return None
    words, since = _held(job) if job.hold is not None else _in_progress(job)
    return f"{words}, since {since:%Y-%m-%dT%H:%M:%SZ}"


def _held(job: JobRecord) -> tuple[str, datetime]:
    assert job.hold is not None
    words = _HELD[job.hold.kind]
    if job.stop is not None and job.hold.kind is HoldKind.STATUS:
        words = _STOPPING_UNREADABLE
    return words.format(reason=_short(job.hold.reason)), job.hold.since


def _in_progress(job: JobRecord) -> tuple[str, datetime]:
    began = job.started_at or job.created_at
    if job.status is JobStatus.QUEUED:
        return "a free runner", job.created_at
    if job.result is not None:
        return _storing(job, began)
    sent = job.submission.intended_at or began
    match job.submission.state:
        case SubmissionState.NONE:
            return "its request to be sent to fal.ai", began
        case SubmissionState.SUBMITTING:
            return "fal.ai's answer to its request", sent
        case SubmissionState.UNKNOWN:
            return "confirmation of whether fal.ai has its request, because the answer to it was lost", sent
        case SubmissionState.SUBMITTED:
            return _at_fal(job, sent)


def _at_fal(job: JobRecord, sent: datetime) -> tuple[str, datetime]:
    if job.stop is not None:
        return _STOPPING, job.stop.at
    if job.submission.ended_at is not None:
        return "fal.ai's result", job.submission.ended_at
    if job.generating_at is not None:
        return "fal.ai, which works on its request", job.generating_at
    return "fal.ai to complete its request", sent


def _storing(job: JobRecord, began: datetime) -> tuple[str, datetime]:
    if job.transfer.last_error is not None:
        return f"its images to be stored: {_short(job.transfer.last_error)}", job.transfer.first_failed_at or began
    return "its images to be stored", job.result_at or began


def _short(reason: str) -> str:
    one_line = " ".join(reason.split())
    return one_line if len(one_line) <= _LONGEST_REASON else f"{one_line[: _LONGEST_REASON - 1]}…"
