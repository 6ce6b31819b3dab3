"""What must hold of a job, whatever fal answered: its end, its reason, its price, and what was paid for it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from answers_drawn import WORDS, Case, Json

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
class Ended:
    """A case that was run.

    Attributes:
        case: as drawn.
        job: as its caller sees it in the end; of a request that was refused because submitting had paused, its status
            is `refused`.
        paid: the requests that fal accepted for it, as the sandbox's ledger has them.
        seconds: from its acceptance to its end, as its caller met it.
    """

    case: Case
    job: Json
    paid: Sequence[Json]
    seconds: float

    def __str__(self) -> str:
        shown = {name: self.job.get(name) for name in ("jobId", "status", "error", "attention", "waitingFor")}
        return f"{self.case}\n  ended after {self.seconds:.1f} s as {json.dumps(shown)}\n  paid: {self.paid}"


def broken(end: Ended, longest: float) -> Iterator[str]:
    """Every promise that this job breaks.

    Args:
        end: the job.
        longest: seconds within which every job has to end.
    """
    if end.job["status"] == "refused":
        if end.paid:
            yield "was refused, and paid for"
        return
    if end.seconds > longest or end.job["status"] not in {"completed", "failed", "cancelled"}:
        yield f"has not ended within {longest} s"
        return
    yield from _paid_wrongly(end)
    yield from _ended_untruly(end)
    if end.job["status"] == "failed":
        yield from _failed_without_reason(end)


def _paid_wrongly(end: Ended) -> Iterator[str]:
    if len(end.paid) > 1:
        yield f"{len(end.paid)} requests were paid for"
    images, charged = end.job["images"], end.job["cost"]["totalCost"]
    if (charged > 0) != bool(images) or bool(images) != (end.job["status"] == "completed"):
        yield f"is {end.job['status']} with {len(images)} pictures, charged {charged}"


def _ended_untruly(end: Ended) -> Iterator[str]:
    status = end.job["status"]
    if status == "completed" and not end.paid:
        yield "is completed, and fal has no request of it"
    if status == "cancelled" and end.case.cancel_after is None:
        yield "is cancelled, which its caller did not want"
    if (status == "failed") != (end.job["error"] is not None):
        yield f"is {status} with the error {end.job['error']}"


def _failed_without_reason(end: Ended) -> Iterator[str]:
    error = end.job["error"]
    code = error["code"]
    if code not in CODES:
        yield f"failed with {code}, which is for something else"
    if CODES.get(code) and not (end.paid or _may_have_been_told_an_id(end.case)):
        yield f"failed with {code}, and fal has no request of it"
    if code == "deadline_exceeded" and end.case.deadline is None:
        yield "failed by a deadline that it does not have"
    if code == "submission_unknown" and end.paid:
        yield "was not found at fal, though fal's history lists it"
    if not error["message"] or error["charged"]:
        yield f"failed without a message, or charged: {error}"
    if _must_repeat_the_words(end.case) and WORDS not in f"{error['message']} {error['falDetail']}":
        yield "failed without fal's words"


def _may_have_been_told_an_id(case: Case) -> bool:
    return any("submit" in answer["on"] for answer in case.answers)


def _must_repeat_the_words(case: Case) -> bool:
    """Whether one readable answer with words to the result read is all that fal ever said."""
    if len(case.answers) != 1 or case.cancel_after is not None or case.deadline is not None:
        return False
    (answer,) = list(case.answers)
    whole = answer.get("framing", "length") in _READABLE and not answer.get("headers")
    says = WORDS in _words_of(answer.get("body"))
    return says and whole and answer["on"] == ["result"] and answer["status"] >= 400 and answer.get("times") is None


def _words_of(body: object) -> str:
    """What a body says in the members that fal words its errors in."""
    if not isinstance(body, dict):
        return ""
    members = cast("dict[str, object]", body)
    return " ".join(str(members.get(name)) for name in ("detail", "error", "message"))
