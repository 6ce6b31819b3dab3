"""The small records of a job: status, priority, lease, error, idempotency key, deletion."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

SUBMISSION_UNKNOWN = "submission_unknown"
# Error codes of moderation: fal refused the request, or what the model made of it.
INPUT_REFUSED, OUTPUT_REFUSED = "input_refused", "output_refused"
PROVIDER_ACCOUNT = "provider_account"  # fal refuses the account for every request


class JobStatus(StrEnum):
    """The status of a job, as callers see it."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether the job has ended."""
        return self in FINAL_STATUSES


FINAL_STATUSES = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED})


class Priority(StrEnum):
    """How urgent a job is, also in fal's queue: a person waits for `normal`, and no one for `low`."""

    NORMAL = "normal"
    LOW = "low"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A runner's right to act on a job until a time on the database's clock.

    Attributes:
        runner: the process that holds it; None while no process does.
        epoch: how many leases the job has had.
        until: when it ends.
        taken: how many leases were taken since one saved a transition or was handed back.
    """

    runner: str | None = None
    epoch: int = 0
    until: datetime | None = None
    taken: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class JobError:
    """Why a job failed, as stored and as shown to the caller."""

    code: str
    message: str
    retryable: bool = False
    fal_status: int | None = None
    fal_error_type: str | None = None
    fal_detail: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Idempotency:
    """A caller's idempotency key on one route.

    Attributes:
        caller: whose key it is.
        route: the operation.
        key: as sent.
        body_sha256: digest of the body as sent. It distinguishes a repeat from a different request.
        unsigned_sha256: digest of the body without the signatures of links to the user's own images, which are others
            after each upload; None if it has none.
    """

    caller: str
    route: str
    key: str
    body_sha256: str
    unsigned_sha256: str | None = None

    def has_body_of(self, other: "Idempotency") -> bool:
        """Whether both bodies are the same, or differ in such signatures only."""
        as_sent = self.body_sha256 == other.body_sha256
        return as_sent or (self.unsigned_sha256 or self.body_sha256) == (other.unsigned_sha256 or other.body_sha256)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """What a request without an idempotency key is known by, until its outcome was delivered.

    Attributes:
        digest: of the caller, the route and the body, keyed, in hexadecimal: equal requests have equal ones.
        waiter: who waits for the outcome; see `queue.waiters`.
    """

    digest: str
    waiter: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """A requested deletion, and what remains to be done for it.

    Attributes:
        requested_at: from then on the job cannot be read.
        input_keys: input images that may have to be deleted, until each was checked.
        due_at: when the bucket is cleared next; None once no late image can arrive.
    """

    requested_at: datetime
    input_keys: tuple[str, ...] = ()
    due_at: datetime | None = None
