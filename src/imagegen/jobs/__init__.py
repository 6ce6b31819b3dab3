"""A job: its fields, transitions and id. Pure: no I/O, no clock."""

from imagegen.jobs.details import result_details, without_signatures
from imagegen.jobs.fal_call import FalCall
from imagegen.jobs.holds import Hold, HoldKind
from imagegen.jobs.ids import JOB_ID_PATTERN, first_job_id_at, is_job_id, new_job_id
from imagegen.jobs.job import ImpossibleTransition, Job
from imagegen.jobs.record import IMAGE_GENERATION
from imagegen.jobs.reservations import Reservation, ReservationCounts, ReservationState
from imagegen.jobs.results import (
    ImageRole,
    MissingImage,
    ProviderImage,
    ProviderResult,
    StoredImage,
    Transfer,
    TransferredImage,
)
from imagegen.jobs.submission import ProviderRequest, Stop, StopReason, Submission, SubmissionState
from imagegen.jobs.urls import normalize_url, urls_in
from imagegen.jobs.values import (
    FINAL_STATUSES,
    INPUT_REFUSED,
    OUTPUT_REFUSED,
    PROVIDER_ACCOUNT,
    SUBMISSION_UNKNOWN,
    Deletion,
    Fingerprint,
    Idempotency,
    JobError,
    JobStatus,
    Lease,
    Priority,
)
from imagegen.jobs.waiting_for import waiting_for

__all__ = [
    "FINAL_STATUSES",
    "IMAGE_GENERATION",
    "INPUT_REFUSED",
    "JOB_ID_PATTERN",
    "OUTPUT_REFUSED",
    "PROVIDER_ACCOUNT",
    "SUBMISSION_UNKNOWN",
    "Deletion",
    "FalCall",
    "Fingerprint",
    "Hold",
    "HoldKind",
    "Idempotency",
    "ImageRole",
    "ImpossibleTransition",
    "Job",
    "JobError",
    "JobStatus",
    "Lease",
    "MissingImage",
    "Priority",
    "ProviderImage",
    "ProviderRequest",
    "ProviderResult",
    "Reservation",
    "ReservationCounts",
    "ReservationState",
    "Stop",
    "StopReason",
    "StoredImage",
    "Submission",
    "SubmissionState",
    "Transfer",
    "TransferredImage",
    "first_job_id_at",
    "is_job_id",
    "new_job_id",
    "normalize_url",
    "result_details",
    "urls_in",
    "waiting_for",
    "without_signatures",
]
