"""Errors of fal.ai: what it answered, and what that means for the request."""

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Literal

from imagegen.errors.base import ImagegenError
from imagegen.json_object import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderAnswer:
    """What fal reported about an error: everything that may be shown to the caller.

    Attributes:
        message: fal's own words.
        status: HTTP status of fal's answer, None if there was none.
        error_type: fal's error type (`content_policy_violation`, `runner_disconnected`, …), if it gave one.
        detail: the entries of the list `detail` in fal's error body, each as one line of JSON.
        refused: `input` or `output` if moderation refused it, None for every other failure.
        billable_units: what fal bills despite the error, in the endpoint's own unit; None if it did not say.
        result: the content of a result without an image, bounded and cleaned; None for every other answer.
    """

    message: str
    status: int | None = None
    error_type: str | None = None
    detail: tuple[str, ...] = field(default=())
    refused: Literal["input", "output"] | None = None
    billable_units: Decimal | None = None
    result: JsonObject | None = None


class ProviderError(ImagegenError):
    """fal.ai answered with an error, or did not answer."""

    retryable = False

    def __init__(self, answer: ProviderAnswer) -> None:
        super().__init__(answer.message)
        self.answer = answer

    @property
    def summary(self) -> str:
        """Class, HTTP status and error type, for the log: without fal's own words, which may quote the prompt."""
        status = f"HTTP {self.answer.status}" if self.answer.status else None
        return ", ".join(part for part in (type(self).__name__, status, self.answer.error_type) if part)


class ProviderRejected(ProviderError):
    """fal refused the request, or the model failed on it. The same request would fail again."""


class ProviderUnavailable(ProviderError):
    """fal could not handle the request now. The same request may succeed later."""

    retryable = True


class AccountRefused(ProviderUnavailable):
    """fal refuses the account for every request. `answer` has fal's words, which only the operator may see."""

    def __init__(self, answer: ProviderAnswer) -> None:
        super().__init__(answer)
        words = "fal.ai currently refuses requests from this service's account. The request was not accepted"
        self.args = (f"{words}, and you are not charged.",)


class SubmissionNotSent(ProviderError):
    """fal certainly did not accept the request: there was no connection, or a 429 without a request id.

    `retry_after` is the wait that fal asked for; None if it named none.
    """

    retryable = True

    def __init__(self, answer: ProviderAnswer, retry_after: timedelta | None = None) -> None:
        super().__init__(answer)
        self.retry_after = retry_after


class SubmissionUnknown(ProviderError):
    """The submit POST was sent, but no answer says whether fal accepted it. It is never sent again blindly."""


class ResultUnavailable(ProviderError):
    """fal has the paid request, but its result cannot be read right now.

    `end` is how the job ends if fal keeps giving this answer; None if a gateway or the account may be the cause.
    """

    retryable = True

    def __init__(self, answer: ProviderAnswer, end: ProviderError | None = None) -> None:
        super().__init__(answer)
        self.end = end


class StatusUnreadable(ResultUnavailable):
    """No read of the request's status has succeeded for a while; the request may still be open at fal."""


class RequestForgotten(StatusUnreadable):
    """Every status read has answered 404 for ten minutes: fal seems to have lost the request that it accepted."""


class HistoryUnavailable(ProviderError):
    """fal's request history cannot be read: no permission, no connection, or no inputs kept. It proves nothing.

    `lasting` means that another read will not help.
    """

    retryable = True

    def __init__(self, answer: ProviderAnswer, *, lasting: bool = False) -> None:
        super().__init__(answer)
        self.lasting = lasting


class SubmittingPaused(ImagegenError):
    """fal refuses the account: no job is submitted, and no new request is accepted.

    `retry_after` is the time until the next submit.
    """

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__("fal.ai currently refuses requests from this service's account, so nothing new is accepted.")
        self.retry_after = retry_after


class WebhookRefused(ImagegenError):
    """A webhook that is not provably fal's. It is dropped; the request's status brings the same news later.

    `check` is the check that failed: `headers`, `timestamp`, `keys` (fal's keys could not be read), `signature`,
    `body` or `request_id`.
    """

    def __init__(self, check: str, reason: str) -> None:
        super().__init__(f"The webhook is refused: {reason}.")
        self.check = check
