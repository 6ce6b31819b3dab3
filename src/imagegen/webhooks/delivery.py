"""A delivery: the end of one job, sent to one receiver. Pure: no I/O, no clock.

pending ──▶ delivered      any 2xx
   ├──────▶ failed         a 410, or no 2xx within a day
   └──────▶ superseded     the job ran again; its next end is another delivery with another id
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from http import HTTPStatus

from imagegen.clock import backoff
from imagegen.errors import ImagegenError


class DeliveryState(StrEnum):
    """The state of a delivery."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    SUPERSEDED = "superseded"


class AttemptOutcome(StrEnum):
    """The outcome of one attempt."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    GONE = "gone"
    REDIRECTED = "redirected"
    TIMED_OUT = "timed_out"
    UNREACHABLE = "unreachable"
    FORBIDDEN_ADDRESS = "forbidden_address"
    POSTPONED = "postponed"


def outcome_of_status(status: int) -> AttemptOutcome:
    """The outcome of an attempt with this HTTP status. Redirects are not followed, because they could lead anywhere."""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return AttemptOutcome.DELIVERED
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return AttemptOutcome.REDIRECTED
    return AttemptOutcome.GONE if status == HTTPStatus.GONE else AttemptOutcome.REFUSED


@dataclass(frozen=True, slots=True)
class DeliveryRoute:
    """The deliveries of one user to one receiver, `host:port`. Both are empty for deliveries of version 0.1.0."""

    user_id: str = ""
    receiver: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One POST, or the reason why none was sent. `answer` is the beginning of the receiver's response body."""

    at: datetime
    outcome: AttemptOutcome
    status: int | None = None
    answer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDelivery:
    """A delivery to a receiver. One about a budget has its payload, and no job.

    Attributes:
        id: identifies repeats at the receiver.
        ended_at: when the job ended.
        event: job.completed, job.failed or job.cancelled.
        url: the receiver; may contain a secret.
        route: the route whose share and pauses apply to it.
        claims: how many times it was claimed, including attempts whose process died.
        due_at: when it is claimed next, on the database's clock; None once it is not pending.
        payload: the JSON to send; None: that of the job as it is then.
    """

    id: str
    job_id: str
    event: str
    url: str
    created_at: datetime
    ended_at: datetime
    route: DeliveryRoute = DeliveryRoute()
    state: DeliveryState = DeliveryState.PENDING
    claims: int = 0
    due_at: datetime | None = None
    attempts: tuple[Attempt, ...] = ()
    payload: str | None = None


def webhook_id(job_id: str, version: int) -> str:
    """The id of the delivery for the end that gave the job this version."""
    return f"msg_{job_id}_{version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetNotice:
    """Something about a budget that its receiver is told.

    Attributes:
        id: the `webhook-id`; an event with the same id is told once.
        type: budget.alert or budget.refused.
        at: when it happened.
        url: the receiver; may contain a secret.
        payload: the JSON to send.
    """

    id: str
    type: str
    at: datetime
    url: str
    payload: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrySchedule:
    """The timing of deliveries. The defaults give about a dozen attempts within a day.

    Attributes:
        answer_timeout: for one attempt, from resolving the name to the response.
        read_timeout: for the beginning of the response body, which is for the log only.
        lease: after this time without a result, an attempt is made again.
        poll_interval: how often due deliveries are read from the database.
        first_pause: after the first failure. Each further pause is three times as long, up to `longest_pause`.
        longest_route_pause: the longest pause of a route whose receiver does not answer.
        horizon: time from the job's end after which an undelivered one has failed.
    """

    answer_timeout: timedelta = timedelta(seconds=15)
    read_timeout: timedelta = timedelta(seconds=2)
    lease: timedelta = timedelta(seconds=60)
    poll_interval: timedelta = timedelta(seconds=5)
    first_pause: timedelta = timedelta(seconds=5)
    longest_pause: timedelta = timedelta(hours=4)
    longest_route_pause: timedelta = timedelta(minutes=5)
    horizon: timedelta = timedelta(hours=24)

    def __post_init__(self) -> None:
        if self.lease < 2 * self.answer_timeout:
            raise ImagegenError(
                "a lease must be at least twice as long as an attempt, or two processes could send it at once"
            )

    def pause(self, claims: int, jitter: float) -> timedelta:
        """The pause after this many claims; `jitter` is a factor around 1."""
        return backoff(claims, self.first_pause, self.longest_pause, growth=3) * jitter

    def route_pause(self, failures: int, jitter: float) -> timedelta:
        """The pause of a route whose receiver did not answer this many times in a row."""
        return min(self.pause(failures, jitter), self.longest_route_pause)
