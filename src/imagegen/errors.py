"""The errors of imagegen, split by what the caller should do.

ImagegenError
├── StartupError                 mend the installation, then start again
│   ├── SettingsError            carries every faulty variable
│   ├── CatalogError             a model entry: file, line, key, what was expected
│   ├── KeysFileError            the file of API keys
│   └── LocalServerError         a local server that would not start
├── InvalidRequest               nothing was stored, sent or billed; fix the request
│   ├── UnknownModel             carries the valid names
│   ├── InvalidInput             carries every fault, each with where and what is valid
│   ├── InvalidQuery             the same, for a query string
│   └── IdempotencyMismatch      the key was used with another body
├── NotAllowed                   the API key is valid, and not for this
│   ├── UserNotAllowed
│   └── ModelNotAllowed
├── JobNotFound
├── JobFinished                  it has completed or failed, so it cannot be cancelled
├── RequestOwned                 fal's request id belongs to another job
├── BatchNotFound
├── JobDeleted                   the job was deleted; only its price is still known
├── JobUnfinished                not possible before the job has ended
├── NotToBeRetried               only a job that failed or was cancelled can run again
├── InputGone                    a caller's own picture is not in the bucket any more
├── DocumentRefused              MongoDB can never take this document: too large, or of a form that it does not have
├── StaleJob                     somebody else moved the job first; read it again
├── Unavailable                  a server that imagegen needs does not answer; retry later
│   ├── DatabaseUnavailable
│   ├── ObjectStoreUnavailable
│   │   └── ObjectStoreRefused   it answers, and refuses the bucket or the key: only an operator can change that
│   ├── QueueUnavailable
│   └── TooManyOpenFiles         this process's own limit; the job is postponed
├── ProviderError                fal.ai answered with an error, or did not answer
│   ├── ProviderRejected         fal's own error; retrying the same request cannot help
│   ├── ProviderUnavailable      retrying may help
│   │   └── AccountRefused       fal refuses the account, whatever the request is: its key, its balance, a lock
│   ├── SubmissionNotSent        certain: fal never saw the request
│   ├── SubmissionUnknown        fal may or may not have accepted the request
│   ├── ResultUnavailable        fal has the request, its result cannot be read now; come back later
│   │   └── StatusUnreadable     for a while no status read has told anything
│   │       └── RequestForgotten fal has said for long that it knows no such request
│   └── HistoryUnavailable       fal's list of its requests cannot be read, so it says nothing either way
├── SubmittingPaused             fal refuses the account, so nothing new is accepted; retry later
├── WebhookRefused               a webhook that is not provably fal's; carries the check that failed
└── TransferError                a picture that could not be moved from fal to S3
    ├── TransferInterrupted      try again: broken off, truncated, refused for now
    │   └── MediaGone            the media host says 404 or 410
    ├── NotAPicture              arrived whole, and is empty or of no known kind
    ├── PictureTooLarge          more than IMAGEGEN_MAX_IMAGE_BYTES
    └── ForeignMediaHost         a URL outside the provider's media hosts; never fetched
"""

import errno
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from itertools import islice
from typing import Final, Literal, cast

from pydantic import JsonValue

_OUT_OF_FILES: Final = frozenset({errno.EMFILE, errno.ENFILE})
MOST_FAULTS: Final = 100


class ImagegenError(Exception):
    """Anything that imagegen raises on purpose."""


class StartupError(ImagegenError):
    """The service cannot start as it is set up."""


class SettingsError(StartupError):
    """One or more environment variables are wrong; `faults` has a line for each."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


class CatalogError(StartupError):
    """Something in a catalog that cannot be used: the file, the line, the key, and what was expected.

    Attributes:
        key: the keys that lead to it, joined by dots; empty for the file as a whole.
        others: everything else that is wrong, in the order of files and lines; the text has a line for each.
    """

    def __init__(self, file: str, line: int, key: str, expected: str, others: Sequence["CatalogError"] = ()) -> None:
        own = ": ".join(part for part in (f"{file}:{line}", key, expected) if part)
        super().__init__("\n".join((own, *map(str, others))))
        self.file, self.line, self.key, self.expected, self.others = file, line, key, expected, tuple(others)

    @property
    def faults(self) -> tuple["CatalogError", ...]:
        """Each fault as an error of its own."""
        return (CatalogError(self.file, self.line, self.key, self.expected), *self.others)


class KeysFileError(StartupError):
    """The file of API keys cannot be read or changed."""


class LocalServerError(StartupError):
    """A server of the local stack did not start, or is not running."""


class InvalidRequest(ImagegenError):
    """The caller's request is wrong. Nothing was stored, sent or billed."""


class UnknownModel(InvalidRequest):
    """No such model; `valid` lists the ones there are, `suggestion` the nearest, `others` what else is wrong."""

    def __init__(self, name: str, valid: Sequence[str], suggestion: str | None = None) -> None:
        hint = f" Did you mean {suggestion!r}?" if suggestion else ""
        super().__init__(f"There is no model {name!r}.{hint}")
        self.name, self.valid, self.suggestion = name, tuple(valid), suggestion
        self.others: tuple[Fault, ...] = ()

    @property
    def faults(self) -> tuple["Fault", ...]:
        """The model as a fault of the body, then what else is wrong with it."""
        message = f"{self} Valid models: {', '.join(self.valid)}."
        fault = Fault(
            pointer="/model", code="unknown_model", message=message, valid=self.valid, suggestion=self.suggestion
        )
        return (fault, *self.others)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing wrong with a request.

    Attributes:
        pointer: JSON Pointer (RFC 6901) into the body, or the name of the parameter or header.
        code: stable machine-readable word: missing, unknown_name, wrong_type, out_of_range, …
        message: one sentence for a person.
        valid: the values that would be right, where they can be listed.
        suggestion: the nearest valid name, where there is one.
        location: `query`, `path` or `header` where it is not the body.
    """

    pointer: str
    code: str
    message: str
    valid: tuple[str, ...] = ()
    suggestion: str | None = None
    location: str | None = None


class InvalidInput(InvalidRequest):
    """The body is wrong; `faults` carries every fault at once, up to MOST_FAULTS of them."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(islice(faults, MOST_FAULTS))
        super().__init__(" ".join(fault.message for fault in self.faults))

    @property
    def missing(self) -> tuple[str, ...]:
        """The names of the required members that are not there, in the body's order."""
        return tuple(f.pointer.rpartition("/")[2] for f in self.faults if f.code == "missing")


class InvalidQuery(InvalidInput):
    """The query string is wrong."""


class IdempotencyMismatch(InvalidRequest):
    """The same Idempotency-Key came with another body; it made this job or this batch."""

    def __init__(self, *, job_id: str | None = None, batch_id: str | None = None) -> None:
        made = f"batch {batch_id}" if batch_id else f"job {job_id}"
        super().__init__(f"This Idempotency-Key made {made} from another request. Use a new key for a new request.")
        self.job_id, self.batch_id = job_id, batch_id


class NotAllowed(ImagegenError):
    """The caller's API key is valid, and not for this. Nothing was stored, sent or billed."""


class UserNotAllowed(NotAllowed):
    """The key may not act for this user; `allowed` lists those that it may act for."""

    def __init__(self, user_id: str, allowed: Sequence[str]) -> None:
        super().__init__(f"This API key may not act for user {user_id!r}, only for: {', '.join(allowed)}.")
        self.user_id, self.allowed = user_id, tuple(allowed)


class ModelNotAllowed(NotAllowed):
    """The key may not use this model; `allowed` lists those that it may use."""

    def __init__(self, model: str, allowed: Sequence[str]) -> None:
        super().__init__(f"This API key may not use model {model!r}, only: {', '.join(allowed)}.")
        self.model, self.allowed = model, tuple(allowed)


class JobNotFound(ImagegenError):
    """No job has this id."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"There is no job {job_id}.")
        self.job_id = job_id


class JobFinished(ImagegenError):
    """The job has completed or failed; nothing is left to cancel."""

    def __init__(self, job_id: str, status: str) -> None:
        super().__init__(f"Job {job_id} has already {status}; nothing is left to cancel.")
        self.job_id = job_id


class RequestOwned(ImagegenError):
    """fal's request id is another job's already: no two jobs may have one request."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"The request that was found for job {job_id} is another job's.")
        self.job_id = job_id


class BatchNotFound(ImagegenError):
    """No batch has this id."""

    def __init__(self, batch_id: str) -> None:
        super().__init__(f"There is no batch {batch_id}.")
        self.batch_id = batch_id


class JobDeleted(ImagegenError):
    """The job was deleted: its pictures and inputs are gone, its price is kept."""

    def __init__(self, job_id: str, user_id: str) -> None:
        super().__init__(f"Job {job_id} was deleted.")
        self.job_id, self.user_id = job_id, user_id


class JobUnfinished(ImagegenError):
    """What was asked for is not possible before the job has ended."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"Job {job_id} has not ended yet. Wait for its end, or cancel it first.")
        self.job_id = job_id


class NotToBeRetried(ImagegenError):
    """Only a job that failed or was cancelled can run again."""

    def __init__(self, job_id: str, status: str) -> None:
        super().__init__(f"Job {job_id} is {status}; only one that failed or was cancelled can be tried again.")
        self.job_id = job_id


class InputGone(ImagegenError):
    """A caller's own picture that a job refers to is not in the bucket any more."""


class DocumentRefused(ImagegenError):
    """MongoDB can never take this document: trying again cannot help, and nothing is down."""


class StaleJob(ImagegenError):
    """A compare-and-set lost: the job's version or lease is no longer the one it was read with."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"Job {job_id} was changed by somebody else.")
        self.job_id = job_id


class Unavailable(ImagegenError):
    """A server that imagegen needs does not answer. `server` names it; no address, no secret."""

    server = "server"
    variable = ""  # the setting that says where it is

    def __init__(self, reason: str = "does not answer") -> None:
        super().__init__(f"{self.server} {reason}")

    @property
    def advice(self) -> str:
        """What is wrong, and the settings to look at: the words of the start, of `doctor` and of the readiness."""
        return f"{self}: look at {self.variable}, and at the server's log"


class DatabaseUnavailable(Unavailable):
    """MongoDB does not answer."""

    server = "MongoDB"
    variable = "MONGODB_URL"


class ObjectStoreUnavailable(Unavailable):
    """The S3 bucket cannot be used right now."""

    server = "S3"
    variable = "S3_BUCKET, S3_ENDPOINT_URL and AWS_…"


class ObjectStoreRefused(ObjectStoreUnavailable):
    """S3 answers, and refuses: no such bucket, or a key that may not use it. Only an operator can change that."""


class QueueUnavailable(Unavailable):
    """NATS JetStream does not answer."""

    server = "NATS"
    variable = "NATS_URL"


class TooManyOpenFiles(Unavailable):
    """This process may open no further file or connection now; the job is not at fault."""

    server = "This process"

    def __init__(self) -> None:
        super().__init__("has too many files open: raise its limit (ulimit -n), or lower IMAGEGEN_CONCURRENCY")


def is_out_of_files(error: BaseException | None) -> bool:
    """Whether an error, or what caused it, is that no further file can be opened (EMFILE, ENFILE)."""
    seen: set[int] = set()
    if isinstance(error, BaseExceptionGroup):
        return any(map(is_out_of_files, cast("BaseExceptionGroup[BaseException]", error).exceptions))
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, OSError) and error.errno in _OUT_OF_FILES:
            return True
        error = getattr(error, "os_error", None) or error.__cause__ or error.__context__
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderAnswer:
    """What fal said of an error: all that may be shown to the caller.

    Attributes:
        message: fal's own words.
        status: HTTP status of fal's answer, None if there was none.
        error_type: fal's error type (`content_policy_violation`, `runner_disconnected`, …), if it gave one.
        detail: fal's error body's `detail` where it is a list, as JSON text lines for a person.
        refused: `input` or `output` where moderation refused it, None for every other failure.
        billable_units: what fal billed all the same, in the endpoint's own unit; None where it did not say.
        result: what a result without an image holds, bounded and cleaned; None for every other answer.
    """

    message: str
    status: int | None = None
    error_type: str | None = None
    detail: tuple[str, ...] = field(default=())
    refused: Literal["input", "output"] | None = None
    billable_units: Decimal | None = None
    result: Mapping[str, JsonValue] | None = None


class ProviderError(ImagegenError):
    """fal.ai answered with an error, or did not answer."""

    retryable = False

    def __init__(self, answer: ProviderAnswer) -> None:
        super().__init__(answer.message)
        self.answer = answer

    @property
    def summary(self) -> str:
        """What kind of error it is, for the log: without fal's words, which may quote the prompt."""
        status = f"HTTP {self.answer.status}" if self.answer.status else None
        return ", ".join(part for part in (type(self).__name__, status, self.answer.error_type) if part)


class ProviderRejected(ProviderError):
    """fal refused the request or its model failed on it; the same request would fail again."""


class ProviderUnavailable(ProviderError):
    """fal could not do it now; the same request may succeed later."""

    retryable = True


class AccountRefused(ProviderUnavailable):
    """fal refuses the account, whatever the request is. `answer` has fal's words, which are for the operator alone."""

    def __init__(self, answer: ProviderAnswer) -> None:
        super().__init__(answer)
        words = "fal.ai does not take requests from this service's account at the moment. The request was not accepted"
        self.args = (f"{words} and you are not charged.",)


class SubmissionNotSent(ProviderError):
    """Certain: fal never accepted the request (no connection, or a 429 without a request id).

    `retry_after` is how long fal asked to wait, if it asked.
    """

    retryable = True

    def __init__(self, answer: ProviderAnswer, retry_after: timedelta | None = None) -> None:
        super().__init__(answer)
        self.retry_after = retry_after


class SubmissionUnknown(ProviderError):
    """The submit POST left, and no answer says whether fal accepted it. Never sent again blindly."""


class ResultUnavailable(ProviderError):
    """fal has the request, paid for; what became of it cannot be read right now.

    `end` is the request's end if the same answer comes again and again; None where it may be a gateway's, or the
    account's trouble.
    """

    retryable = True

    def __init__(self, answer: ProviderAnswer, end: ProviderError | None = None) -> None:
        super().__init__(answer)
        self.end = end


class StatusUnreadable(ResultUnavailable):
    """For a while no read of the request's status has told anything; the request may be open at fal."""


class RequestForgotten(StatusUnreadable):
    """The request's status answered 404 for ten minutes and nothing else: fal seems to have lost what it accepted."""


class HistoryUnavailable(ProviderError):
    """fal's request history cannot be read (no permission, no connection, no inputs kept): no news, good or bad.

    `lasting` says that asking again will not help.
    """

    retryable = True

    def __init__(self, answer: ProviderAnswer, *, lasting: bool = False) -> None:
        super().__init__(answer)
        self.lasting = lasting


class SubmittingPaused(ImagegenError):
    """fal refuses the account, so nothing is submitted, and new requests are not accepted.

    `retry_after` is when submitting is tried next.
    """

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__(
            "fal.ai does not take requests from this service's account at the moment, so nothing new is accepted."
        )
        self.retry_after = retry_after


class WebhookRefused(ImagegenError):
    """A webhook that is not provably fal's. It is dropped: the status of the request tells the same, later.

    `check` is the one that failed: `headers`, `timestamp`, `keys` (fal's could not be read), `signature`, `body` or
    `request_id`.
    """

    def __init__(self, check: str, reason: str) -> None:
        super().__init__(f"The webhook is refused: {reason}.")
        self.check = check


class TransferError(ImagegenError):
    """A picture could not be moved from fal's media host to S3."""


class TransferInterrupted(TransferError):
    """The transfer broke off, was truncated, or the media host refused for now; try again."""


class MediaGone(TransferInterrupted):
    """The media host does not have the picture: not yet, or not any more."""


class NotAPicture(TransferError):
    """The bytes arrived whole, and there are none, or no decoder opens them."""


class PictureTooLarge(TransferError):
    """The picture is larger than IMAGEGEN_MAX_IMAGE_BYTES."""


class ForeignMediaHost(TransferError):
    """The picture's URL is outside the provider's media hosts; it was not fetched."""
