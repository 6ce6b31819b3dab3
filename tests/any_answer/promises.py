"""What must hold for a job whatever fal responds: its end, its error, its price, and what was paid for it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from tests.any_answer.random_responses import WORDS, Case, Json

# The codes that a job may fail with when nothing but fal misbehaves, and whether each needs a request at fal.
CODES: Final[Mapping[str, bool]] = {
    "provider_rejected": False,
    "provider_unavailable": False,
    "provider_account": False,
    "input_refused": False,
    "output_refused": False,
    "submission_unknown": False,
    "deadline_exceeded": False,
    "job_timeout": True,
    "queue_timeout": True,
    "cancel_unconfirmed": True,
    "result_lost": True,
    "result_expired": True,
    "result_unreadable": True,
    "status_unreadable": True,
    "not_a_picture": True,
    "picture_too_large": True,
    "foreign_media_host": True,
    "transfer_failed": True,
}
_READABLE: Final = frozenset({"length", "chunked", "until_close"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseEnd:
    """The end of a case that was run.

    Attributes:
        case: as drawn.
        job: as its caller sees it at the end; its status is `refused` if the request was refused because submitting was
            paused.
        paid: the requests that fal accepted for it, from the sandbox's ledger.
        seconds: from its acceptance to its end, as measured by its caller.
    """

    case: Case
    job: Json
    paid: Sequence[Json]
    seconds: float

    def __str__(self) -> str:
        shown = {name: self.job.get(name) for name in ("jobId", "status", "error", "attention", "waitingFor")}
        return f"{self.case}\n  ended after {self.seconds:.1f} s as {json.dumps(shown)}\n  paid: {self.paid}"


def broken_promises(end: CaseEnd, longest: float) -> Iterator[str]:
    """Every promise that this job breaks.

    Args:
        end: the job.
        longest: the seconds within which every job must end.
    """
    if end.job["status"] == "refused":
        if end.paid:
            yield "was refused, and paid for"
        return
    if end.seconds > longest or end.job["status"] not in {"completed", "failed", "cancelled"}:
        yield f"has not ended within {longest} s"
        return
    yield from _payment_faults(end)
    yield from _end_faults(end)
    if end.job["status"] == "failed":
        yield from _failure_faults(end)


def _payment_faults(end: CaseEnd) -> Iterator[str]:
    if len(end.paid) > 1:
        yield f"{len(end.paid)} requests were paid for"
    images, charged = end.job["images"], end.job["cost"]["totalCost"]
    if (charged > 0) != bool(images) or bool(images) != (end.job["status"] == "completed"):
        yield f"is {end.job['status']} with {len(images)} images, charged {charged}"


def _end_faults(end: CaseEnd) -> Iterator[str]:
    status = end.job["status"]
    if status == "completed" and not end.paid:
        yield "is completed, but fal has no request for it"
    if status == "cancelled" and end.case.cancel_after is None:
        yield "is cancelled, which its caller did not request"
    if (status == "failed") != (end.job["error"] is not None):
        yield f"is {status} with the error {end.job['error']}"


def _failure_faults(end: CaseEnd) -> Iterator[str]:
    error = end.job["error"]
    code = error["code"]
    if code not in CODES:
        yield f"failed with {code}, which has another meaning"
    if CODES.get(code) and not (end.paid or _may_have_got_an_id(end.case)):
        yield f"failed with {code}, but fal has no request for it"
    if code == "deadline_exceeded" and end.case.deadline is None:
        yield "failed by a deadline that it does not have"
    if code == "submission_unknown" and end.paid:
        yield "was not found at fal, though fal's history lists it"
    if not error["message"] or error["charged"]:
        yield f"failed without a message, or charged: {error}"
    if _must_repeat_message(end.case) and WORDS not in f"{error['message']} {error['falDetail']}":
        yield "failed without fal's message"


def _may_have_got_an_id(case: Case) -> bool:
    return any("submit" in response["on"] for response in case.responses)


def _must_repeat_message(case: Case) -> bool:
    """Whether fal's only response is a readable one with a message, to the result read."""
    if len(case.responses) != 1 or case.cancel_after is not None or case.deadline is not None:
        return False
    (response,) = list(case.responses)
    is_whole = response.get("framing", "length") in _READABLE and not response.get("headers")
    is_constant_error = response["on"] == ["result"] and response["status"] >= 400 and response.get("times") is None
    return is_constant_error and is_whole and WORDS in _message_of(response.get("body"))


def _message_of(body: object) -> str:
    """The text in the members that fal puts its error messages in."""
    if not isinstance(body, dict):
        return ""
    members = cast("dict[str, object]", body)
    return " ".join(str(members.get(name)) for name in ("detail", "error", "message"))
