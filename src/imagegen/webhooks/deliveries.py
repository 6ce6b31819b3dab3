"""A delivery: one end of one job, to be told to one receiver; pure, no I/O, no clock.

pending ──▶ delivered      any 2xx
   ├──────▶ failed         a 410, or no 2xx within a day
   └──────▶ superseded     the job ran again after all; its next end is told under another id
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from http import HTTPStatus

from imagegen.errors import ImagegenError


class DeliveryState(StrEnum):
    """Where a delivery is."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    SUPERSEDED = "superseded"


class Outcome(StrEnum):
    """What became of one attempt."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    GONE = "gone"
    REDIRECTED = "redirected"
    TIMED_OUT = "timed_out"
    UNREACHABLE = "unreachable"
    FORBIDDEN_ADDRESS = "forbidden_address"
    POSTPONED = "postponed"


def outcome_of(status: int) -> Outcome:
    """What an HTTP status says of an attempt. A redirect is not followed: it could lead anywhere."""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Outcome.DELIVERED
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return Outcome.REDIRECTED
    return Outcome.GONE if status == HTTPStatus.GONE else Outcome.REFUSED


@dataclass(frozen=True, slots=True)
class Route:
    """One user's deliveries to one receiver, which is a host and a port. Both are empty for those of version 0.1.0."""

    user_id: str = ""
    receiver: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One POST, or why there was none. `answer` is the beginning of what the receiver said."""

    at: datetime
    outcome: Outcome
    status: int | None = None
    answer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What is owed to a receiver.

    Attributes:
        id: what receivers tell repeats by.
        ended_at: the job's end that it tells of.
        event: job.completed, job.failed or job.cancelled.
        url: the receiver; may hold a secret.
        route: whose turns and pauses it shares.
        claims: how often it was taken up; an attempt whose process died counts.
        due_at: when it is taken up next, on the database's clock; None once nothing more is sent.
    """

    id: str
    job_id: str
    event: str
    url: str
    created_at: datetime
    ended_at: datetime
    route: Route = Route()
    state: DeliveryState = DeliveryState.PENDING
    claims: int = 0
    due_at: datetime | None = None
    attempts: tuple[Attempt, ...] = ()


def webhook_id(job_id: str, version: int) -> str:
    """The id of the delivery that tells of the end that made this version of the job."""
    return f"msg_{job_id}_{version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How deliveries are timed. With the defaults there are about a dozen attempts within a day.

    Attributes:
        answer_within: for one attempt, from the resolving of the name to the answer.
        read_within: for the beginning of the answer's body, which is for the log only.
        lease: an attempt of which nothing is heard for so long is made again.
        look_again: how often the database is asked for what is due.
        first_pause: after the first failure; each further one is three times as long, up to `longest_pause`.
        longest_silence: the longest pause of a route whose receiver does not answer.
        horizon: from the job's end; what is not delivered by then has failed.
    """

    answer_within: timedelta = timedelta(seconds=15)
    read_within: timedelta = timedelta(seconds=2)
    lease: timedelta = timedelta(seconds=60)
    look_again: timedelta = timedelta(seconds=5)
    first_pause: timedelta = timedelta(seconds=5)
    longest_pause: timedelta = timedelta(hours=4)
    longest_silence: timedelta = timedelta(minutes=5)
    horizon: timedelta = timedelta(hours=24)

    def __post_init__(self) -> None:
        if self.lease < 2 * self.answer_within:
            raise ImagegenError("a lease must be longer than an attempt, or two processes would send it at once")

    def pause(self, claims: int, jitter: float) -> timedelta:
        """How long to wait after so many attempts; `jitter` is a factor around 1."""
        grown = self.first_pause * 3 ** min(claims - 1, 16)
        return min(grown, self.longest_pause) * jitter

    def silence(self, failures: int, jitter: float) -> timedelta:
        """How long a route is paused whose receiver did not answer so many times in a row."""
        return min(self.pause(failures, jitter), self.longest_silence)
