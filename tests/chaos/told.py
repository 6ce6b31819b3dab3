"""What clients request, and what they are told: the promises that the reckoning checks."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Final, cast

import httpx

_NEVER: Final = frozenset({400, 401, 403, 404, 409, 422})
_REFUSED: Final = frozenset({"input_refused", "output_refused"})
_REFUSALS: Final[Mapping[int, str]] = {402: "budget_exceeded", 429: "rate_limited"}
_FINAL: Final = frozenset({"completed", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class Wish:
    """A job that a client wants.

    Attributes:
        token: a word in the prompt that is unique to this job.
        key: the idempotency key, for clients that give one.
        deadline: seconds after which the images are no longer wanted.
        webhook: the URL for the end of the job.
        caller: the id of the client's API key; None if it has none.
    """

    token: str
    images: int
    user: str
    key: str | None
    deadline: int | None = None
    webhook: str | None = None
    caller: str | None = None

    @property
    def request(self) -> dict[str, object]:
        """The request as an item of a batch."""
        more = {"deadlineSeconds": self.deadline, "webhookUrl": self.webhook}
        return {
            **{name: value for name, value in more.items() if value is not None},
            "model": "flux-pro",
            "inputs": {"prompt": f"{self.token} a lighthouse"},
            "options": {"width": 256, "height": 256, "num_images": self.images},
        }

    @property
    def body(self) -> dict[str, object]:
        """The request for this job alone."""
        return {**self.request, "userId": self.user}


@dataclass(frozen=True, slots=True)
class BatchEnd:
    """What a client was told of a batch that has ended."""

    counts: Mapping[str, int]
    charged: Decimal


@dataclass(slots=True)
class Told:
    """What the clients were told.

    Attributes:
        wishes: every job asked for, by its token.
        accepted: the ids of all jobs that a client was told of, with their tokens.
        ended: the final status that a client saw, by the job's id, with the code of its error in parentheses.
        batches: the tokens that were requested together, by the batch's key.
        batch_ends: the outcomes of ended batches, by the batch's id.
        surprises: responses that no client should get.
        resumed: how often an interrupted event stream was resumed.
        refused: how often a budget (402) or a rate (429) refused a request, by the status.
    """

    wishes: dict[str, Wish] = field(default_factory=dict[str, Wish])
    accepted: dict[str, str] = field(default_factory=dict[str, str])
    ended: dict[str, str] = field(default_factory=dict[str, str])
    batches: dict[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    batch_ends: dict[str, BatchEnd] = field(default_factory=dict[str, BatchEnd])
    surprises: list[str] = field(default_factory=list[str])
    resumed: int = 0
    refused: Counter[int] = field(default_factory=Counter[int])

    def hear(self, wish: Wish, answer: httpx.Response, rightful: int | None = None) -> str | None:
        """Record a response. Returns the id if it names an accepted job. `rightful` is a status that is expected."""
        body = json_of(answer)
        self._count_refusal(wish.token, answer)
        refused = body.get("code") in _REFUSED  # by moderation: a job that failed, as with the 5xx that name one
        about_a_job = refused or body.get("jobId") is not None
        if answer.status_code != rightful and _is_surprising(answer, refused=refused, about_a_job=about_a_job):
            self.surprise(wish.token, answer)
        if answer.status_code == HTTPStatus.CONFLICT:
            return None
        return self.hear_of_job(wish, body, failed=answer.is_server_error or refused, doubtful=is_busy(answer))

    def hear_of_job(
        self, wish: Wish, body: Mapping[str, Any], *, failed: bool = False, doubtful: bool = False
    ) -> str | None:
        """Record a job as it was told; a 503 may name a job that perhaps exists."""
        job_id = body.get("jobId")
        if not isinstance(job_id, str) or doubtful:
            return None
        self.accepted[job_id] = wish.token
        status = "failed" if failed else body.get("status")
        if status in _FINAL:
            self.ended[job_id] = f"{status}{_reason(body)}"
        return job_id

    def hear_of_batch(self, wishes: Sequence[Wish], answer: httpx.Response) -> str | None:
        """Record a response about a batch. Returns its id if it is accepted."""
        body = json_of(answer)
        self._count_refusal(wishes[0].token, answer)
        if _is_surprising(answer, refused=False, about_a_job=False):
            self.surprise(wishes[0].token, answer)
        if not answer.is_success:
            return None
        batch_id: str = body["batchId"]
        for job_id, wish in zip(body["jobIds"], wishes, strict=True):
            self.accepted[job_id] = wish.token
        if body["status"] == "ended":
            self.batch_ends[batch_id] = BatchEnd(body["counts"], Decimal(str(body["cost"]["charged"])))
        return batch_id

    def _count_refusal(self, token: str, answer: httpx.Response) -> None:
        """Count a refusal by a budget or a rate, which has to say so, and from a rate when to come back."""
        code = _REFUSALS.get(answer.status_code)
        if code is not None:
            self.refused[answer.status_code] += 1
            is_told = answer.status_code != HTTPStatus.TOO_MANY_REQUESTS or "Retry-After" in answer.headers
            if json_of(answer).get("code") != code or not is_told:
                self.surprise(token, answer)

    def surprise(self, token: str, answer: httpx.Response) -> None:
        """Record a response that no client should get."""
        self.surprises.append(f"{token}: {answer.status_code} {answer.text[:300]}")


def json_of(answer: httpx.Response) -> dict[str, Any]:
    """The members of the body; none if it is not a JSON object."""
    try:
        body = json.loads(answer.content)
    except ValueError:
        return {}
    return cast("dict[str, Any]", body) if isinstance(body, dict) else {}


def is_busy(answer: httpx.Response) -> bool:
    """Whether a server that the service needs is down."""
    return answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE


def _is_surprising(answer: httpx.Response, *, refused: bool, about_a_job: bool) -> bool:
    if answer.status_code in _NEVER:
        return not refused
    return answer.is_server_error and not about_a_job and not is_busy(answer)


def _reason(body: Mapping[str, Any]) -> str:
    """The error code of a failed job, from the job or from the problem."""
    error: dict[str, Any] | None = body.get("error")
    code = error["code"] if error else body.get("code")
    return f" ({code})" if code else ""
