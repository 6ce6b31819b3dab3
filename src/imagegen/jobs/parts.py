"""What a job is made of: how far it is, and the records that its moves leave on it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Self

from pydantic import JsonValue

from imagegen.jobs.addresses import normalised
from imagegen.jobs.details import result_details

SUBMISSION_UNKNOWN = "submission_unknown"
# The codes of a failure by moderation: of what was asked for, and of what was made of it.
INPUT_REFUSED, OUTPUT_REFUSED = "input_refused", "output_refused"
PROVIDER_ACCOUNT = "provider_account"  # fal refuses the account, whatever the request is
JsonObject = Mapping[str, JsonValue]


class JobStatus(StrEnum):
    """Where a job is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing can change any more."""
        return self in FINAL


FINAL = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED})


class Priority(StrEnum):
    """How urgent a request is to fal's queue: a person waits for a normal one, nobody for a low one."""

    NORMAL = "normal"
    LOW = "low"


class SubmissionState(StrEnum):
    """Whether fal has the job's request."""

    NONE = "none"
    SUBMITTING = "submitting"
    SUBMITTED = "submitted"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Who may act on a job, on the database's clock. `taken`: leases since one saved a move or was handed back."""

    runner: str | None = None
    epoch: int = 0
    until: datetime | None = None
    taken: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRequest:
    """A request that fal accepted: its id and the URLs that fal gave for it (never built, always stored)."""

    request_id: str
    status_url: str
    response_url: str
    cancel_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """The one paid request of a job.

    Attributes:
        state: how far it is.
        intended_at: when it was about to be sent.
        request: what fal made of it.
        webhook_digest: of the secret in the address that this attempt gave fal for its webhook; None if it gave none.
        payload: what was sent, where that is not the job's payload: it has addresses of the caller's own pictures.
        counted: it counts among the requests open at fal, of which FAL_CONCURRENCY allows so many.
        ended_at: when fal said COMPLETED of a request whose result could not be read at once.
        failure: what fal's status said of the failure then, None if it said nothing of one.
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
    def is_lost(self) -> bool:
        """Whether fal may have a request whose id is not known."""
        return self.state in {SubmissionState.SUBMITTING, SubmissionState.UNKNOWN}


class StopReason(StrEnum):
    """Why a request is cancelled at fal; the limits of time are also codes of a job's error."""

    CANCELLED = "cancelled"
    JOB_TIMEOUT = "job_timeout"
    QUEUE_TIMEOUT = "queue_timeout"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    STATUS_UNREADABLE = "status_unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """The decision to cancel a request at fal, stored before fal is asked. What fal then says is what holds."""

    reason: StopReason
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderImage:
    """A picture as fal announces it; its bytes decide what it really is.

    `url` is a key in the bucket, or `data:,`, where the bytes stood in the result itself and the job's `transfer` says
    what became of them.
    """

    url: str
    nsfw: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderResult:
    """What is needed of fal's answer, recorded before a byte is moved (fal forgets it within minutes).

    Attributes:
        images: in fal's order; none if the job failed for want of one.
        billable_units: header `X-Fal-Billable-Units`, in the endpoint's own unit; None if fal did not say.
        payload: what is beside the images, bounded (`result_details`). Jobs of version 0.1.0 have the whole answer.
    """

    images: tuple[ProviderImage, ...]
    billable_units: Decimal | None
    payload: JsonObject

    @property
    def details(self) -> JsonObject:
        """What is shown of it beside the images, whichever version stored it."""
        return result_details(self.payload, {normalised(image.url) for image in self.images})


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredImage:
    """A picture in S3. Type, size in pixels as displayed, and digest are read from its bytes.

    `width` and `height` are None where the file has no pixels: an SVG, or bytes that no decoder opens.
    """

    key: str
    content_type: str
    width: int | None
    height: int | None
    size_bytes: int
    sha256: str
    nsfw: bool | None = None


class HoldKind(StrEnum):
    """What a job is held for, that an earlier try did not get."""

    OBJECT_STORE = "object_store"
    ACCOUNT = "account"
    SLOT = "slot"
    SUBMIT = "submit"
    STATUS = "status"
    RESULT = "result"
    KEEP_RESULT = "keep_result"
    ATTENTION = "attention"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A job that is tried again later, and why.

    Attributes:
        kind: what it is held for.
        reason: what the last try met, fit to be shown.
        since: when the first try in a row failed for this kind.
        attempts: how many did.
        first_at: when the first try in a row failed, for whichever kind; None if that was for this one too.
        same: how many of the last tries in a row met exactly this reason.
        same_since: when the first of those did.
        missing_since: when fal began to answer nothing but 404.
    """

    kind: HoldKind
    reason: str
    since: datetime
    attempts: int = 1
    same: int = 1
    same_since: datetime
    missing_since: datetime | None = None
    first_at: datetime | None = None

    @property
    def began(self) -> datetime:
        """When the job was first held in a row, for whichever kind."""
        return self.first_at or self.since

    @classmethod
    def after(cls, before: Self | None, kind: HoldKind, reason: str, now: datetime, *, missing: bool = False) -> Self:
        """The hold after one more try that failed."""
        if before is None or before.kind is not kind:
            first_at = before.began if before is not None else None
            missing_since = now if missing else None
            return cls(
                kind=kind, reason=reason, since=now, same_since=now, missing_since=missing_since, first_at=first_at
            )
        is_same = before.reason == reason
        return replace(
            before,
            reason=reason,
            attempts=before.attempts + 1,
            same=before.same + 1 if is_same else 1,
            same_since=before.same_since if is_same else now,
            missing_since=(before.missing_since or now) if missing else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferredImage:
    """An image that is in S3 while others of its job are not. `index` is its place in fal's result, from 0."""

    index: int
    image: StoredImage


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingImage:
    """An image of fal's result that could not be delivered. `index` is its place in fal's result, from 0."""

    index: int
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """How moving the images went so far.

    Attributes:
        attempts: how often some of them could not be moved.
        unreadable: in how many of these attempts one was empty, or of no known kind.
        gone: in how many the media host did not have one.
        first_failed_at: when the first attempt failed.
        last_error: why the last one did.
        stored: the images that are in S3 already.
        missing: the images that were found to be none before the result was recorded, which does not hold their bytes.
    """

    attempts: int = 0
    unreadable: int = 0
    gone: int = 0
    first_failed_at: datetime | None = None
    last_error: str | None = None
    stored: tuple[TransferredImage, ...] = ()
    missing: tuple[MissingImage, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class JobError:
    """Why a job failed: the same words in MongoDB and in the answer."""

    code: str
    message: str
    retryable: bool = False
    fal_status: int | None = None
    fal_error_type: str | None = None
    fal_detail: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Idempotency:
    """One caller's key on one route; `body_sha256` tells a repeat from a different request."""

    caller: str
    route: str
    key: str
    body_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """A deletion that was asked for, and what of it is still to be done.

    Attributes:
        requested_at: from here on the job cannot be read.
        input_keys: the caller's own pictures that may have to go, until they were looked at.
        due_at: when the bucket is to be cleared (again); None once nothing can come any more.
    """

    requested_at: datetime
    input_keys: tuple[str, ...] = ()
    due_at: datetime | None = None
