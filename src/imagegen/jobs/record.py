"""A job as it is stored: its fields, and what can be read from them."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from imagegen.jobs.cost import Cost
from imagegen.jobs.fal_call import FalCall
from imagegen.jobs.holds import Hold
from imagegen.jobs.image_keys import image_prefix
from imagegen.jobs.reservations import Reservation, ReservationState
from imagegen.jobs.results import MissingImage, ProviderResult, StoredImage, Transfer
from imagegen.jobs.submission import Stop, Submission, SubmissionState
from imagegen.jobs.values import (
    SUBMISSION_UNKNOWN,
    Deletion,
    Fingerprint,
    Idempotency,
    JobError,
    JobStatus,
    Lease,
    Priority,
)
from imagegen.json_object import JsonObject

IMAGE_GENERATION = "image-generation"
STORED_AS = "stored_as"
"""Metadata of a field whose name in MongoDB is not its own in camelCase."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """The fields of a job.

    Attributes:
        fingerprint: by which a repeat of its request is known; None once its outcome was delivered. Changed beside the
            transitions; it changes no version.
        deadline: when the caller no longer wants the job, unless fal has completed it by then.
        images_requested: how many images are charged at most; None in jobs of an earlier version.
        cancel_requested_at: when the caller asked to cancel. Stored beside the transitions; it changes no version.
        stop: why and since when fal is asked to cancel the request.
        hold: why it is tried again later; None while it goes on, and once it has ended.
        generating_at: when fal was first seen generating.
        trace: the traceparent of the request that created it; every process continues that trace.
        result_at: when fal's result was read.
        reservations: what it holds of budgets. Changed beside the transitions, but for its end; it changes no version.
        fal_call: what is particular to a job that a client of fal's requested; None for every other job.
    """

    id: str
    user_id: str
    model: str
    endpoint: str
    inputs: JsonObject
    options: JsonObject
    payload: JsonObject
    cost: Cost
    created_at: datetime
    type: str = IMAGE_GENERATION
    priority: Priority = Priority.NORMAL
    status: JobStatus = JobStatus.QUEUED
    version: int = 1
    generation: int = 0
    idempotency: Idempotency | None = None
    fingerprint: Fingerprint | None = None
    lease: Lease = field(default_factory=Lease)
    submission: Submission = field(default_factory=Submission)
    result: ProviderResult | None = None
    transfer: Transfer = field(default_factory=Transfer)
    images: tuple[StoredImage, ...] = ()
    missing_images: tuple[MissingImage, ...] = ()
    error: JobError | None = None
    attention: str | None = None
    deadline: datetime | None = None
    images_requested: int | None = field(default=None, metadata={STORED_AS: "picturesAsked"})
    cancel_requested_at: datetime | None = None
    stop: Stop | None = None
    hold: Hold | None = None
    started_at: datetime | None = None
    generating_at: datetime | None = None
    result_at: datetime | None = None
    completed_at: datetime | None = None
    input_keys: tuple[str, ...] = ()
    deletion: Deletion | None = None
    webhook_url: str | None = None
    batch_id: str | None = None
    retry_of: str | None = None
    trace: str | None = None
    reservations: tuple[Reservation, ...] = ()
    fal_call: FalCall | None = None

    @property
    def max_cost(self) -> Decimal:
        """The most that it is charged, in US dollars: what it reserves of budgets."""
        if self.cost.max_cost is not None:
            return self.cost.max_cost
        return self.cost.cost_per_image * (self.images_requested or self.cost.num_images)

    @property
    def may_have_orphans(self) -> bool:
        """Whether the bucket may hold images that the job does not name: of an earlier lease, or a broken transfer."""
        return self.submission.state is SubmissionState.SUBMITTED and (
            self.lease.epoch > 1 or self.transfer.attempts > 0
        )

    @property
    def booked_again(self) -> tuple[Reservation, ...]:
        """The reservations that it makes when it runs again after its end: of the same periods, with higher numbers."""
        latest = max((each.number for each in self.reservations), default=0)
        return tuple(
            replace(each, number=latest + 1, state=ReservationState.BOOKING)
            for each in self.reservations
            if each.number == latest
        )

    @property
    def image_prefix(self) -> str:
        """The prefix of the keys of its images in the bucket; it ends with a slash."""
        return image_prefix(self.user_id, self.created_at, self.id)

    @property
    def image_keys(self) -> frozenset[str]:
        """The keys of its images in the bucket; before its end, also of those stored while others are still missing."""
        waiting = () if self.status.is_final else tuple(each.image for each in self.transfer.stored)
        return frozenset(image.key for image in (*self.images, *waiting))

    @property
    def accepts_late_request_id(self) -> bool:
        """Whether the id of its request is still needed: the job runs without one, or failed because it had none."""
        if self.status is JobStatus.FAILED and self.deletion is None:
            return self.error is not None and self.error.code == SUBMISSION_UNKNOWN
        return self.status is JobStatus.RUNNING and self.submission.is_unconfirmed

    @property
    def sent_payload(self) -> JsonObject:
        """The body that fal was sent or will be sent; fal's history is compared with it."""
        return self.payload if self.submission.payload is None else self.submission.payload

    @property
    def is_open_at_fal(self) -> bool:
        """Whether the request holds a slot at fal: it was sent, or is about to be, and fal may still work on it."""
        sent = self.submission.state is not SubmissionState.NONE
        return sent and self.submission.counted and self.result is None and not self.status.is_final
