"""A job and its transitions. Pure: no I/O, no clock.

queued ──▶ running ──▶ completed
   │        ▲ ├──────▶ failed
   │        └─┼─────── failed              the one way back: `submission_unknown`, and fal's id came after all
   └──────────┴──────▶ cancelled           never submitted, or fal reported that it cancelled

Inside `running`, the submission to fal has states of its own:

none ──▶ submitting ──▶ submitted          the request id is known
  ▲          ├────────▶ none               certainly not sent: may be sent again
  └──────────┘────────▶ unknown            fal may have accepted it: never sent again
                           └──▶ submitted  the request id was found, or arrived late

Every transition returns a new job whose `version` is one higher. The store saves it only if the stored job still has
the version that the transition started from and, except for a late request id, the lease.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from imagegen.errors import ImagegenError
from imagegen.jobs.cost import Cost, UnitPrice
from imagegen.jobs.holds import Hold
from imagegen.jobs.record import JobRecord
from imagegen.jobs.results import ImageRole, MissingImage, ProviderResult, StoredImage, Transfer, TransferredImage
from imagegen.jobs.submission import ProviderRequest, Stop, StopReason, Submission, SubmissionState
from imagegen.jobs.values import Deletion, JobError, JobStatus, Lease
from imagegen.json_object import JsonObject

_SERVER_ERROR = 500
_UNCONFIRMED = "It is unknown whether fal.ai accepted the request, and so whether fal.ai bills it."


class ImpossibleTransition(ImagegenError):
    """The job's state does not allow this transition: a defect in imagegen, never the caller's fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(JobRecord):
    """One generation, from the accepted request to its images. Each method is a transition."""

    def started(self, runner: str, now: datetime) -> Self:
        """A new job that is stored with its first lease, and so begins to run without a message."""
        self._require(self.status is JobStatus.QUEUED and not self.lease.epoch, "it has been started already")
        return self._next(status=JobStatus.RUNNING, started_at=now, lease=Lease(runner=runner, epoch=1, taken=1))

    def submitting(
        self, now: datetime, webhook_digest: str | None = None, *, payload: JsonObject | None = None
    ) -> Self:
        """Record the intent before the POST. A crash from here on leaves a request that may be paid for."""
        self._require(self.submission.state is SubmissionState.NONE, "a submission has already begun")
        intent = Submission(
            state=SubmissionState.SUBMITTING,
            intended_at=now,
            webhook_digest=webhook_digest,
            payload=None if payload == self.payload else payload,
        )
        return self._next(submission=intent)

    def not_sent(self, hold: Hold | None = None) -> Self:
        """fal certainly never saw the POST, so it may be sent again; with a hold, later."""
        self._require(self.submission.state is SubmissionState.SUBMITTING, "no submission is under way")
        return self._next(submission=Submission(), hold=hold)

    def held(self, hold: Hold | None) -> Self:
        """Hold the job until its next attempt; None ends the hold because an attempt succeeded."""
        return self._next(hold=hold)

    def without_slot(self) -> Self:
        """Release the slot at fal of a request that has been unconfirmed for too long."""
        self._require(self.submission.is_unconfirmed, "no submission is under way")
        return self._next(submission=replace(self.submission, counted=False))

    def ended_at_fal(self, hold: Hold, now: datetime, failure: str | None, failure_type: str | None) -> Self:
        """Hold a request that fal has COMPLETED but whose result could not be read; its slot at fal is released."""
        self._require(self.submission.state is SubmissionState.SUBMITTED, "nothing was submitted")
        ended = replace(self.submission, counted=False, ended_at=now, failure=failure, failure_type=failure_type)
        return self._next(submission=ended, hold=hold)

    def submitted(self, request: ProviderRequest) -> Self:
        """fal accepted the request."""
        self._require(self.submission.is_unconfirmed, "no submission is under way")
        return self._next(submission=replace(self.submission, state=SubmissionState.SUBMITTED, request=request))

    def unconfirmed(self) -> Self:
        """No answer said whether fal accepted the request. The job is held until that is known."""
        self._require(self.submission.state is SubmissionState.SUBMITTING, "no submission is under way")
        return self._next(submission=replace(self.submission, state=SubmissionState.UNKNOWN))

    def with_late_request_id(self, request: ProviderRequest) -> Self:
        """Record a request id that was found or arrived late. A job that failed without it runs again."""
        self._require(self.accepts_late_request_id, "it does not need a request id")
        if self.status is JobStatus.RUNNING:
            return self.submitted(request)
        return replace(
            self,
            version=self.version + 1,
            status=JobStatus.RUNNING,
            submission=replace(self.submission, state=SubmissionState.SUBMITTED, request=request, counted=True),
            cost=replace(self.cost, num_images=self.images_requested or 1, provider_note=None),
            error=None,
            completed_at=None,
        )

    def generating(self, since: datetime) -> Self:
        """Record when fal started generating; IMAGEGEN_JOB_TIMEOUT counts from then."""
        self._require(self.submission.state is SubmissionState.SUBMITTED, "nothing was submitted")
        return self._next(generating_at=since)

    def stopping(self, reason: StopReason, now: datetime) -> Self:
        """Record that fal will be asked to cancel the request. fal may still complete it."""
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
        """Record fal's result.

        Args:
            result: what fal answered.
            price: fal's unit price of the endpoint; None if it is not known.
            at: when the result was read.
            transfer: the progress of moving inline images.
        """
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
        """Record a failed attempt to move some images. The job goes on later from its result and `stored`."""
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
        """Every deliverable image is in S3. The charge is for these, at most for as many as were requested.

        Masks beside images are not charged; if there is nothing but masks, they are what was requested.
        """
        self._require(self.result is not None, "there is no result")
        charged = [image for image in images if image.role is ImageRole.IMAGE] or images
        cost = self.cost.delivered([image.pixels for image in charged][: self.images_requested])
        transfer = replace(self.transfer, stored=(), missing=())
        return self._to(
            JobStatus.COMPLETED, images=images, missing_images=missing, transfer=transfer, cost=cost, completed_at=now
        )

    def failed(self, error: JobError, now: datetime, *, billed: Cost | None = None) -> Self:
        """The job ends without images and without a charge. A submission under way counts as refused by fal.

        `billed` is the job's cost with what fal reported to bill for the failed request.
        """
        return self._to(
            JobStatus.FAILED,
            error=error,
            cost=replace(billed, num_images=0) if billed else self._cost_of_failing(error),
            submission=Submission() if self.submission.state is SubmissionState.SUBMITTING else self.submission,
            completed_at=now,
        )

    def failed_with_result(self, error: JobError, result: ProviderResult, now: datetime, *, billed: Cost) -> Self:
        """The job ends because its result has no image. The rest of the result is kept, without a charge."""
        self._require(self.submission.state is SubmissionState.SUBMITTED, "nothing was submitted")
        return replace(self.failed(error, now, billed=billed), result=result, result_at=now)

    def cancelled(self, now: datetime) -> Self:
        """The job ends without a charge because its caller cancelled it.

        It was never sent, fal cancelled it, or nothing of what fal has or made can be had.
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
        """Ask for an operator: runners die over a job that is paid for, so it cannot simply end."""
        return self._next(attention=reason, hold=hold)

    def failed_as_unknown(self, error: JobError, now: datetime) -> Self:
        """The job ends because it cannot be found out whether fal accepted its request."""
        self._require(self.submission.is_unconfirmed, "no submission is under way")
        submission = replace(self.submission, state=SubmissionState.UNKNOWN)
        cost = replace(self.cost, num_images=0, provider_note=_UNCONFIRMED)
        return replace(self.failed(error, now), submission=submission, cost=cost)

    def _cost_of_failing(self, error: JobError) -> Cost:
        """No charge. fal bills neither what it did not accept nor its own failures (5xx); it may bill a 422."""
        cost = replace(self.cost, num_images=0)
        if self.result is not None:
            return cost
        if self.submission.state is SubmissionState.UNKNOWN:
            return replace(cost, provider_note=_UNCONFIRMED)
        if self.submission.state is not SubmissionState.SUBMITTED or (error.fal_status or 0) >= _SERVER_ERROR:
            return cost.unbilled()
        return replace(cost, provider_note="fal.ai did not say whether it bills the failed request.")

    def deleted(self, now: datetime) -> Self:
        """The tombstone of an ended job. It keeps the user, model, times and price, and nothing of the content.

        The body's hash is removed too, because a short prompt could be guessed from it. The idempotency key stays, so
        that a repeat with it does not pay again.
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
            idempotency=replace(self.idempotency, body_sha256="", unsigned_sha256=None) if self.idempotency else None,
            input_keys=(),
            webhook_url=None,
            fal_call=replace(self.fal_call, ignored=()) if self.fal_call else None,
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
            raise ImpossibleTransition(f"job {self.id}: {otherwise}")
