"""A job and the only moves it can make: pure, no I/O, no clock.

queued ──▶ running ──▶ completed
   │        ▲ ├──────▶ failed
   │        └─┼─────── failed              the one way back: `submission_unknown`, and fal's id came after all
   └──────────┴──────▶ cancelled           never submitted, or fal said that it cancelled

Inside `running`, the submission to fal has a life of its own:

none ──▶ submitting ──▶ submitted          the request id is known
  ▲          ├────────▶ none               certainly not sent: may be tried again
  └──────────┘────────▶ unknown            fal may have accepted it: never sent again
                           └──▶ submitted  the request id was found, or came late

Every move returns a new job whose `version` is one higher; the store saves it only if the stored job still has the
version that the move started from, and, but for a late id, the lease.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

from imagegen.costs import Cost, UnitPrice
from imagegen.errors import ImagegenError
from imagegen.jobs.parts import (
    SUBMISSION_UNKNOWN,
    Deletion,
    Hold,
    Idempotency,
    JobError,
    JobStatus,
    JsonObject,
    Lease,
    MissingImage,
    Priority,
    ProviderRequest,
    ProviderResult,
    Stop,
    StopReason,
    StoredImage,
    Submission,
    SubmissionState,
    Transfer,
    TransferredImage,
)

IMAGE_GENERATION = "image-generation"
_SERVER_ERROR = 500
_NOT_KNOWN = "Nobody knows whether fal.ai accepted the request, and so whether it bills it."


class ImpossibleMove(ImagegenError):
    """A move that the job's state does not allow: a defect in imagegen, never the caller's fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One generation, from the accepted request to its pictures.

    Attributes:
        deadline: when the caller does not want it any more, unless fal has completed it by then.
        pictures_asked: what `cost.num_images` was before the end; None in jobs of an earlier version.
        cancel_requested_at: the caller's wish; it is noted beside the moves and changes no version.
        stop: why and since when fal is asked to cancel the request.
        hold: what it is tried again for; None while it goes on, and once it has ended.
        generating_at: when fal was first seen working on the request.
        trace: the traceparent of the request that made it; whoever works on it goes on with that trace.
        result_at: when fal's result was read.
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
    lease: Lease = field(default_factory=Lease)
    submission: Submission = field(default_factory=Submission)
    result: ProviderResult | None = None
    transfer: Transfer = field(default_factory=Transfer)
    images: tuple[StoredImage, ...] = ()
    missing_images: tuple[MissingImage, ...] = ()
    error: JobError | None = None
    attention: str | None = None
    deadline: datetime | None = None
    pictures_asked: int | None = None
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

    @property
    def may_have_leftovers(self) -> bool:
        """Whether pictures that it does not name may be in the bucket: of an earlier lease, or of a broken transfer."""
        return self.submission.state is SubmissionState.SUBMITTED and (
            self.lease.epoch > 1 or self.transfer.attempts > 0
        )

    @property
    def image_keys(self) -> frozenset[str]:
        """The keys of its images in the bucket; before its end, of those that wait for others."""
        waiting = () if self.status.is_final else tuple(each.image for each in self.transfer.stored)
        return frozenset(image.key for image in (*self.images, *waiting))

    @property
    def can_take_a_late_id(self) -> bool:
        """Whether fal's id of its request is still missed: it runs without one, or failed for want of one."""
        if self.status is JobStatus.FAILED and self.deletion is None:
            return self.error is not None and self.error.code == SUBMISSION_UNKNOWN
        return self.status is JobStatus.RUNNING and self.submission.is_lost

    @property
    def sent(self) -> JsonObject:
        """What fal was sent, or is to be sent: what its history is compared with."""
        return self.payload if self.submission.payload is None else self.submission.payload

    @property
    def is_open_at_fal(self) -> bool:
        """Whether the request holds a slot at fal: sent, or about to be, and fal may still be at work on it."""
        sent = self.submission.state is not SubmissionState.NONE
        return sent and self.submission.counted and self.result is None and not self.status.is_final

    def submitting(
        self, now: datetime, webhook_digest: str | None = None, *, payload: JsonObject | None = None
    ) -> Self:
        """The intent, written before the POST: from here on a crash leaves a request that may be paid for."""
        self._require(self.submission.state is SubmissionState.NONE, "a submission was already begun")
        intent = Submission(
            state=SubmissionState.SUBMITTING,
            intended_at=now,
            webhook_digest=webhook_digest,
            payload=None if payload == self.payload else payload,
        )
        return self._next(submission=intent)

    def not_sent(self, hold: Hold | None = None) -> Self:
        """fal certainly never saw the POST, so it may be made again; with a hold, later."""
        self._require(self.submission.state is SubmissionState.SUBMITTING, "no submission is under way")
        return self._next(submission=Submission(), hold=hold)

    def held(self, hold: Hold | None) -> Self:
        """It is tried again later, or a try has succeeded and it goes on."""
        return self._next(hold=hold)

    def uncounted(self) -> Self:
        """It has been unknown for so long whether fal has the request that it holds no slot at fal any more."""
        self._require(self.submission.is_lost, "no submission is under way")
        return self._next(submission=replace(self.submission, counted=False))

    def ended_at_fal(self, hold: Hold, now: datetime, failure: str | None, failure_type: str | None) -> Self:
        """fal said COMPLETED, and the result could not be read: it holds no slot at fal any more."""
        self._require(self.submission.state is SubmissionState.SUBMITTED, "nothing was submitted")
        ended = replace(self.submission, counted=False, ended_at=now, failure=failure, failure_type=failure_type)
        return self._next(submission=ended, hold=hold)

    def submitted(self, request: ProviderRequest) -> Self:
        """fal accepted the request."""
        self._require(self.submission.is_lost, "no submission is under way")
        return self._next(submission=replace(self.submission, state=SubmissionState.SUBMITTED, request=request))

    def lost(self) -> Self:
        """No answer said whether fal accepted the request: the job is held until that is known."""
        self._require(self.submission.state is SubmissionState.SUBMITTING, "no submission is under way")
        return self._next(submission=replace(self.submission, state=SubmissionState.UNKNOWN))

    def with_late_id(self, request: ProviderRequest) -> Self:
        """fal accepted the request, as came out later; a job that had failed for not knowing it goes on."""
        self._require(self.can_take_a_late_id, "it does not miss the id of a request")
        if self.status is JobStatus.RUNNING:
            return self.submitted(request)
        return replace(
            self,
            version=self.version + 1,
            status=JobStatus.RUNNING,
            submission=replace(self.submission, state=SubmissionState.SUBMITTED, request=request, counted=True),
            cost=replace(self.cost, num_images=self.pictures_asked or 1, provider_note=None),
            error=None,
            completed_at=None,
        )

    def generating(self, since: datetime) -> Self:
        """fal began to work on it: from here its limit of time counts."""
        self._require(self.submission.state is SubmissionState.SUBMITTED, "nothing was submitted")
        return self._next(generating_at=since)

    def stopping(self, reason: StopReason, now: datetime) -> Self:
        """fal will be asked to cancel the request; it may complete it all the same."""
        self._require(self.submission.state is SubmissionState.SUBMITTED, "nothing was submitted")
        self._require(self.stop is None, "it is being stopped already")
        return self._next(stop=Stop(reason=reason, at=now), hold=self.hold)

    def with_result(
        self,
        result: ProviderResult,
        price: UnitPrice | None = None,
        *,
        at: datetime | None = None,
        transfer: Transfer | None = None,
    ) -> Self:
        """fal completed the request, which was read `at`, at this price a unit; `transfer`: what was moved so far."""
        self._require(self.submission.state is SubmissionState.SUBMITTED, "nothing was submitted")
        cost = self.cost.billed(result.billable_units, price)
        return self._next(result=result, result_at=at, cost=cost, transfer=transfer or self.transfer)

    def transfer_failed(
        self,
        reason: str,
        now: datetime,
        *,
        unreadable: bool = False,
        gone: bool = False,
        stored: tuple[TransferredImage, ...] = (),
    ) -> Self:
        """Moving some images failed for now; the job goes on later, from the recorded result and what is stored."""
        self._require(self.result is not None, "there is nothing to transfer")
        before = self.transfer
        return self._next(
            transfer=replace(
                before,
                attempts=before.attempts + 1,
                unreadable=before.unreadable + unreadable,
                gone=before.gone + gone,
                first_failed_at=before.first_failed_at or now,
                last_error=reason,
                stored=stored,
            )
        )

    def completed(
        self, images: tuple[StoredImage, ...], now: datetime, *, missing: tuple[MissingImage, ...] = ()
    ) -> Self:
        """Every image that can be delivered is in S3. The charge is for these, at most for those asked for."""
        self._require(self.result is not None, "there is no result")
        most = len(images) if self.pictures_asked is None else self.pictures_asked
        cost = replace(self.cost, num_images=min(len(images), most))
        transfer = replace(self.transfer, stored=(), missing=())
        return self._to(
            JobStatus.COMPLETED, images=images, missing_images=missing, transfer=transfer, cost=cost, completed_at=now
        )

    def failed(self, error: JobError, now: datetime, *, billed: Cost | None = None) -> Self:
        """The job ends without pictures and without a charge; a submission under way was refused by fal.

        `billed` is the job's cost with what fal said that it bills for the failed request.
        """
        return self._to(
            JobStatus.FAILED,
            error=error,
            cost=replace(billed, num_images=0) if billed else self._cost_of_failing(error),
            submission=Submission() if self.submission.state is SubmissionState.SUBMITTING else self.submission,
            completed_at=now,
        )

    def failed_with_result(self, error: JobError, result: ProviderResult, now: datetime, *, billed: Cost) -> Self:
        """The job ends because its result has no picture; what else it has is kept, without a charge."""
        self._require(self.submission.state is SubmissionState.SUBMITTED, "nothing was submitted")
        return replace(self.failed(error, now, billed=billed), result=result, result_at=now)

    def cancelled(self, now: datetime) -> Self:
        """The job ends because its caller wanted that, without a charge.

        It was never sent, fal cancelled it, or nothing can be had of what fal has or has made.
        """
        sent = self.submission.state is not SubmissionState.NONE
        asked = self.stop is not None or self.cancel_requested_at is not None
        self._require(not sent or asked, "fal has it and was not asked to cancel it")
        cost = replace(self.cost, num_images=0)
        if self.result is None:
            note = "fal.ai did not say whether it bills the cancelled request."
            cost = replace(cost, provider_note=note) if sent else cost.unbilled()
        return self._next(status=JobStatus.CANCELLED, attention=None, cost=cost, completed_at=now)

    def needing_attention(self, reason: str, hold: Hold | None = None) -> Self:
        """A person should look at the job: runners die over it, and it is paid for, so it cannot just end."""
        return self._next(attention=reason, hold=hold)

    def failed_as_unknown(self, error: JobError, now: datetime) -> Self:
        """The job ends because nothing can tell whether fal accepted its request."""
        self._require(self.submission.is_lost, "no submission is under way")
        submission = replace(self.submission, state=SubmissionState.UNKNOWN)
        cost = replace(self.cost, num_images=0, provider_note=_NOT_KNOWN)
        return replace(self.failed(error, now), submission=submission, cost=cost)

    def _cost_of_failing(self, error: JobError) -> Cost:
        """No charge. fal bills neither what it did not accept nor its own failures (5xx); a 422 it may bill."""
        cost = replace(self.cost, num_images=0)
        if self.result is not None:
            return cost
        if self.submission.state is SubmissionState.UNKNOWN:
            return replace(cost, provider_note=_NOT_KNOWN)
        if self.submission.state is not SubmissionState.SUBMITTED or (error.fal_status or 0) >= _SERVER_ERROR:
            return cost.unbilled()
        return replace(cost, provider_note="fal.ai did not say whether it bills the failed request.")

    def deleted(self, now: datetime) -> Self:
        """The tombstone of an ended job: whose it was, its model, its times, its price; nothing of what it was about.

        The body's hash goes too: a short prompt could be guessed from it. The key stays, so that a repeat under it
        does not pay again.
        """
        self._require(self.status.is_final, "it has not ended")
        self._require(self.deletion is None, "it is deleted already")
        return replace(
            self,
            version=self.version + 1,
            inputs={},
            options={},
            payload={},
            submission=replace(self.submission, payload=None),
            result=None,
            images=(),
            missing_images=(),
            transfer=Transfer(),
            attention=None,
            error=JobError(code=self.error.code, message="", retryable=self.error.retryable) if self.error else None,
            idempotency=replace(self.idempotency, body_sha256="") if self.idempotency else None,
            input_keys=(),
            webhook_url=None,
            deletion=Deletion(requested_at=now, input_keys=self.input_keys, due_at=now),
        )

    def _to(self, status: JobStatus, **changes: object) -> Self:
        self._require(self.status is JobStatus.RUNNING, f"it is {self.status}")
        return self._next(status=status, attention=None, **changes)

    def _next(self, **changes: object) -> Self:
        self._require(not self.status.is_final, f"it is {self.status}")
        return replace(self, version=self.version + 1, **{"hold": None, **changes})  # pyright: ignore[reportArgumentType] - a subset of the fields

    def _require(self, condition: bool, otherwise: str) -> None:
        if not condition:
            raise ImpossibleMove(f"job {self.id}: {otherwise}")
