"""The one paid request of a job: its submission to fal, and the decision to cancel it there."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from imagegen.json_object import JsonObject


class SubmissionState(StrEnum):
    """Whether fal has the job's request."""

    NONE = "none"
    SUBMITTING = "submitting"
    SUBMITTED = "submitted"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRequest:
    """A request that fal accepted: its id and its URLs, stored as fal gave them and never built from the id."""

    request_id: str
    status_url: str
    response_url: str
    cancel_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """The one paid request of a job.

    Attributes:
        state: whether fal has it.
        intended_at: when the intent was stored, right before the POST.
        request: fal's id and URLs; None until they are known.
        webhook_digest: digest of the secret in the webhook URL of this submit; None if it named no webhook.
        payload: the body that was sent if it differs from the job's payload: it has the URLs of input images.
        counted: whether it counts against FAL_CONCURRENCY, the most requests open at fal.
        ended_at: when fal answered COMPLETED but the result could not be read at once.
        failure: what that status said about a failure; None if it named none.
        failure_type: fal's type of that failure.
    """

    state: SubmissionState = SubmissionState.NONE
    intended_at: datetime | None = None
    request: ProviderRequest | None = None
    webhook_digest: str | None = None
    payload: JsonObject | None = None
    counted: bool = True
    ended_at: datetime | None = None
    failure: str | None = None
    failure_type: str | None = None

    @property
    def is_unconfirmed(self) -> bool:
        """Whether fal may have the request while its id is not known."""
        return self.state in {SubmissionState.SUBMITTING, SubmissionState.UNKNOWN}


class StopReason(StrEnum):
    """Why a request is cancelled at fal. All but `cancelled` are also error codes of jobs."""

    CANCELLED = "cancelled"
    JOB_TIMEOUT = "job_timeout"
    QUEUE_TIMEOUT = "queue_timeout"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    STATUS_UNREADABLE = "status_unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """The decision to cancel a request at fal, stored before fal is asked. fal's final status decides the outcome."""

    reason: StopReason
    at: datetime
