"""The errors of imagegen, split by what the caller should do.

ImagegenError                     base.py: raised by imagegen on purpose
├── StartupError                  startup.py: fix the installation, then start again
│   ├── SettingsError             carries every faulty variable
│   ├── CatalogError              a model entry: file, line, key, what was expected
│   ├── KeysFileError             the file of API keys
│   └── LocalServerError          a local server did not start
├── CatalogRefused                catalogs.py: a changed catalog is not taken in; carries every fault, with its place
├── CannotImport                  imports.py: an endpoint of fal's cannot become a model; carries the reason and remedy
├── InvalidRequest                requests.py: nothing was stored, sent or billed; fix the request
│   ├── UnknownModel              carries the valid names
│   ├── InvalidInput              carries every fault, each with its place and what is valid there
│   ├── InvalidQuery              the same for a query string
│   └── IdempotencyMismatch       the key was used with another body
├── ModelRetired                  requests.py: it takes no new requests; carries the successor
├── NotAllowed                    requests.py: the API key is valid, but does not permit this
│   ├── UserNotAllowed
│   ├── ModelNotAllowed
│   ├── ScopeMissing              carries the scope that is needed
│   ├── GrantNotAllowed           an admin key grants no more than it has; carries every excess
│   └── BeyondRate                rate_limits.py: more requests, images or jobs at once than a limit ever permits
├── RateLimited                   rate_limits.py: too many requests, images or open jobs; carries every limit
├── StaleKey                      api_keys.py, down to KeyConflict: the key was changed since it was read; read it again
├── KeyExists                     its id or its idempotency key is taken
├── KeyNotFound                   there is none, or the caller could not have granted it
├── KeyRevoked                    it stays revoked
├── KeyExpired                    a new token for it would not be valid
├── TooManyKeys                   revoke one first
├── KeyConflict                   other requests change the key at the same time
├── BudgetExceeded                budget_errors.py, down to BudgetConflict: carries every budget that refuses
├── BudgetNotFound                there is none, or the caller may not see it
├── BudgetDeleted                 it stays deleted
├── TooManyBudgets                delete one first
├── BudgetExists                  its id or its idempotency key is taken
├── StaleBudget                   the budget was changed since it was read; read it again
├── BudgetConflict                other requests change the budget at the same time
├── JobNotFound                   jobs.py, down to StaleJob
├── JobFinished                   it has completed or failed, so it cannot be cancelled
├── RequestOwned                  fal's request id belongs to another job
├── BatchNotFound
├── JobDeleted                    only its price is still stored
├── JobUnfinished                 not possible before the job has ended
├── JobNotRetryable               only a failed or cancelled job can be retried
├── InputGone                     an input image is no longer in the bucket
├── ImageGone                     an image is no longer in the bucket, although its job is not deleted
├── LinkNotFound                  no link of this service, or it leads to nothing
├── LinkEnded                     it has expired, or its job was deleted
├── DocumentRefused               MongoDB can never take this document: too large, or of a form that BSON lacks
├── StaleJob                      another process changed the job first; read it again
├── Unavailable                   servers.py: a server does not answer; retry later
│   ├── DatabaseUnavailable
│   ├── ObjectStoreUnavailable
│   │   └── ObjectStoreRefused    it answers, and refuses the bucket or the key: an operator must act
│   ├── QueueUnavailable
│   └── TooManyOpenFiles          this process's own limit; the job is postponed
├── ProviderError                 provider.py: fal.ai answered with an error, or did not answer
│   ├── ProviderRejected          fal's own error; retrying the same request cannot help
│   ├── ProviderUnavailable       retrying may help
│   │   └── AccountRefused        fal refuses the account for every request: its key, its balance, a lock
│   ├── SubmissionNotSent         certain: fal never saw the request
│   ├── SubmissionUnknown         fal may or may not have accepted the request
│   ├── ResultUnavailable         fal has the request, but its result cannot be read now; read it later
│   │   └── StatusUnreadable      no status read has succeeded for a while
│   │       └── RequestForgotten  fal has answered 404 for long
│   └── HistoryUnavailable        fal's list of requests cannot be read, so it proves nothing
├── SubmittingPaused              provider.py: fal refuses the account, so nothing new is accepted; retry later
├── WebhookRefused                provider.py: a webhook that is not provably fal's; carries the check that failed
└── TransferError                 transfers.py: an image could not be moved from fal to S3
    ├── TransferInterrupted       try again: broken off, truncated, refused for now
    │   └── MediaGone             the media host answers 404 or 410
    ├── NotAnImage                arrived whole, but is empty or of no known format
    ├── ImageTooLarge             more than IMAGEGEN_MAX_IMAGE_BYTES
    └── ForeignMediaHost          a URL outside the provider's media hosts; never fetched
"""

from imagegen.errors.api_keys import KeyConflict, KeyExists, KeyExpired, KeyNotFound, KeyRevoked, StaleKey, TooManyKeys
from imagegen.errors.base import ImagegenError
from imagegen.errors.budget_errors import (
    BudgetConflict,
    BudgetDeleted,
    BudgetExceeded,
    BudgetExists,
    BudgetNotFound,
    BudgetState,
    StaleBudget,
    TooManyBudgets,
)
from imagegen.errors.catalogs import CatalogRefused
from imagegen.errors.imports import CannotImport
from imagegen.errors.jobs import (
    BatchNotFound,
    DocumentRefused,
    ImageGone,
    InputGone,
    JobDeleted,
    JobFinished,
    JobNotFound,
    JobNotRetryable,
    JobUnfinished,
    LinkEnded,
    LinkNotFound,
    RequestOwned,
    StaleJob,
)
from imagegen.errors.provider import (
    AccountRefused,
    HistoryUnavailable,
    ProviderAnswer,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    RequestForgotten,
    ResultUnavailable,
    StatusUnreadable,
    SubmissionNotSent,
    SubmissionUnknown,
    SubmittingPaused,
    WebhookRefused,
)
from imagegen.errors.rate_limits import BeyondRate, RateLimited, RateName, RateState, is_of_open_jobs
from imagegen.errors.requests import (
    MOST_FAULTS,
    Fault,
    GrantNotAllowed,
    IdempotencyMismatch,
    InvalidInput,
    InvalidQuery,
    InvalidRequest,
    ModelNotAllowed,
    ModelRetired,
    NotAllowed,
    ScopeMissing,
    UnknownModel,
    UserNotAllowed,
)
from imagegen.errors.servers import (
    DatabaseUnavailable,
    ObjectStoreRefused,
    ObjectStoreUnavailable,
    QueueUnavailable,
    TooManyOpenFiles,
    Unavailable,
    is_out_of_files,
)
from imagegen.errors.startup import CatalogError, KeysFileError, LocalServerError, SettingsError, StartupError
from imagegen.errors.transfers import (
    ForeignMediaHost,
    ImageTooLarge,
    MediaGone,
    NotAnImage,
    TransferError,
    TransferInterrupted,
)

__all__ = [
    "MOST_FAULTS",
    "AccountRefused",
    "BatchNotFound",
    "BeyondRate",
    "BudgetConflict",
    "BudgetDeleted",
    "BudgetExceeded",
    "BudgetExists",
    "BudgetNotFound",
    "BudgetState",
    "CannotImport",
    "CatalogError",
    "CatalogRefused",
    "DatabaseUnavailable",
    "DocumentRefused",
    "Fault",
    "ForeignMediaHost",
    "GrantNotAllowed",
    "HistoryUnavailable",
    "IdempotencyMismatch",
    "ImageGone",
    "ImageTooLarge",
    "ImagegenError",
    "InputGone",
    "InvalidInput",
    "InvalidQuery",
    "InvalidRequest",
    "JobDeleted",
    "JobFinished",
    "JobNotFound",
    "JobNotRetryable",
    "JobUnfinished",
    "KeyConflict",
    "KeyExists",
    "KeyExpired",
    "KeyNotFound",
    "KeyRevoked",
    "KeysFileError",
    "LinkEnded",
    "LinkNotFound",
    "LocalServerError",
    "MediaGone",
    "ModelNotAllowed",
    "ModelRetired",
    "NotAllowed",
    "NotAnImage",
    "ObjectStoreRefused",
    "ObjectStoreUnavailable",
    "ProviderAnswer",
    "ProviderError",
    "ProviderRejected",
    "ProviderUnavailable",
    "QueueUnavailable",
    "RateLimited",
    "RateName",
    "RateState",
    "RequestForgotten",
    "RequestOwned",
    "ResultUnavailable",
    "ScopeMissing",
    "SettingsError",
    "StaleBudget",
    "StaleJob",
    "StaleKey",
    "StartupError",
    "StatusUnreadable",
    "SubmissionNotSent",
    "SubmissionUnknown",
    "SubmittingPaused",
    "TooManyBudgets",
    "TooManyKeys",
    "TooManyOpenFiles",
    "TransferError",
    "TransferInterrupted",
    "Unavailable",
    "UnknownModel",
    "UserNotAllowed",
    "WebhookRefused",
    "is_of_open_jobs",
    "is_out_of_files",
]
