"""What can go wrong, by what to do about it.

ImagegenError              retryable, charged, request_id: on every error
├── ConnectionFailed       the service was not reached, or its answer was lost, until the retries ran out
├── WaitTimeout            the job is not finished yet; it goes on
├── UnexpectedResponse     not the answer of an imagegen service
├── InvalidWebhook         not signed with the secret, or too old
├── JobFailed              the job ended without images; `job` has all of it
│   ├── JobRefused         moderation refused the input or the output
│   └── JobCancelled       the job was cancelled
└── ApiError               a problem that the service describes
    ├── InvalidRequest     nothing was sent to fal.ai; `faults` says what to change
    ├── Unauthorized       the API key is missing or wrong
    ├── BudgetExceeded     budgets have no room for what the request can cost; `budgets` has them
    ├── Forbidden          the API key is not for this user or model, or for so many images at once
    ├── NotFound           also what the API key may not see
    ├── Conflict           not possible in this state
    ├── RateLimited        too many requests or images; `retry_after` says when to come back
    └── ServiceUnavailable the service cannot answer now
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from imagegen_client._types import JobData, Problem, ProblemBudget, ProblemFault

if TYPE_CHECKING:
    import httpx


class ImagegenError(Exception):
    """Every error of this package."""

    retryable: bool = False
    """Whether the same request may succeed later."""

    charged: bool | None = None
    """Whether the job was charged; None if there is none, or if that is unknown."""

    request_id: str | None = None
    """Quote it to the service's operator."""


class ConnectionFailed(ImagegenError):
    """The service was not reached, or its answer was lost, until the retries ran out.

    A request that generates may have been accepted. Repeat it with `idempotency_key` and it is not paid twice. Not
    `retryable` if the address or the certificate is wrong.
    """

    def __init__(
        self,
        message: str,
        *,
        retryable: bool = True,
        request_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> None:
        super().__init__(message)
        self.retryable, self.request_id, self.idempotency_key = retryable, request_id, idempotency_key


class WaitTimeout(ImagegenError):
    """The job or batch did not end within `timeout`. It goes on: wait for it again, or cancel it."""

    retryable = True

    def __init__(self, what: str, waited_for: str) -> None:
        super().__init__(f"{what} {waited_for} has not ended within the timeout; it goes on.")
        self.job_id = waited_for


class UnexpectedResponse(ImagegenError):
    """The answer is not that of an imagegen service."""


class InvalidWebhook(ImagegenError):
    """The webhook is not signed with the secret, or not just now."""


class JobFailed(ImagegenError):
    """The job ended without images."""

    def __init__(
        self,
        message: str,
        *,
        code: str,
        job_id: str,
        job: JobData | None = None,
        retryable: bool = False,
        charged: bool | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code, self.job_id, self.job = code, job_id, job
        self.retryable, self.charged, self.request_id = retryable, charged, request_id


class JobRefused(JobFailed):
    """Moderation refused the input or the output."""


class JobCancelled(JobFailed):
    """The job was cancelled."""


class ApiError(ImagegenError):
    """A problem that the service describes (RFC 9457)."""

    def __init__(self, problem: Problem, retry_after: float | None = None) -> None:
        super().__init__(problem.detail)
        self.problem = problem
        self.status, self.code, self.job_id = problem.status, problem.code, problem.job_id
        self.faults: Sequence[ProblemFault] = problem.errors or ()
        self.retryable, self.charged = bool(problem.retryable), problem.charged
        self.request_id, self.retry_after = problem.request_id, retry_after


class InvalidRequest(ApiError):
    """Nothing was sent to fal.ai; `faults` says what to change."""


class Unauthorized(ApiError):
    """The API key is missing or wrong."""


class BudgetExceeded(ApiError):
    """Budgets have no room for what the request can cost. Nothing was stored, sent or billed.

    `budgets` has each of them, with what is left and when it begins anew. No client repeats such a request by itself.
    """

    def __init__(self, problem: Problem, retry_after: float | None = None) -> None:
        super().__init__(problem, retry_after)
        self.budgets: Sequence[ProblemBudget] = problem.budgets or ()


class Forbidden(ApiError):
    """The API key is not for this user or model, or for so many images at once."""


class NotFound(ApiError):
    """There is no such thing, or the API key may not see it, or it was deleted."""


class Conflict(ApiError):
    """The job, batch or idempotency key is in a state that does not allow this."""


class RateLimited(ApiError):
    """Too many requests or images; `retry_after` says when to come back, `problem.limits` which rates are used up."""


class ServiceUnavailable(ApiError):
    """The service cannot answer now."""


_BY_STATUS: Mapping[int, type[ApiError]] = {
    400: InvalidRequest,
    401: Unauthorized,
    402: BudgetExceeded,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: NotFound,
    413: InvalidRequest,
    415: InvalidRequest,
    422: InvalidRequest,
    429: RateLimited,
    502: ServiceUnavailable,
    503: ServiceUnavailable,
    504: ServiceUnavailable,
}
_REFUSED = frozenset({"input_refused", "output_refused"})


def error_from(response: "httpx.Response", retry_after: float | None) -> ImagegenError:
    """The error that a response describes."""
    problem = problem_in(response)
    if problem.job_id is not None and problem.charged is not None and problem.status in {422, 500}:
        kind = JobRefused if problem.code in _REFUSED else JobFailed
        return kind(
            problem.detail,
            code=problem.code,
            job_id=problem.job_id,
            retryable=bool(problem.retryable),
            charged=problem.charged,
            request_id=problem.request_id,
        )
    return _BY_STATUS.get(response.status_code, ApiError)(problem, retry_after)


def problem_in(response: "httpx.Response") -> Problem:
    """The problem details, or what can be told of a response without them, such as a proxy's."""
    status = response.status_code
    try:
        wire: Mapping[str, Any] = response.json()
        return Problem.from_wire(wire)
    except (ValueError, KeyError, TypeError, AttributeError):
        text = f"HTTP status {status} from {response.url.host}, without problem details."
        return Problem(
            type="about:blank",
            title=response.reason_phrase,
            status=status,
            detail=text,
            code="http_error",
            retryable=status in {408, 429, 502, 503, 504},
            request_id=response.headers.get("x-request-id"),
        )


def failure_of(job: JobData, request_id: str | None) -> JobFailed:
    """The error of a job that ended without images."""
    if job.error is None:
        text = f"Job {job.job_id} was cancelled."
        return JobCancelled(text, code="cancelled", job_id=job.job_id, job=job, charged=False, request_id=request_id)
    kind = JobRefused if job.error.code in _REFUSED else JobFailed
    return kind(
        job.error.message,
        code=job.error.code,
        job_id=job.job_id,
        job=job,
        retryable=job.error.retryable,
        charged=job.error.charged,
        request_id=request_id,
    )
