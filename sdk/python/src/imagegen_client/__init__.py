"""The client of imagegen, a service in front of fal.ai's image models.

from imagegen_client import Imagegen

job = Imagegen("http://localhost:5000").run("flux-pro", prompt="A lighthouse in winter", user="user123")
job.images[0].save("lighthouse.jpg")
"""

from imagegen_client._async.client import AsyncBaseImagegen
from imagegen_client._async.resources import AsyncBatch, AsyncImage, AsyncJob
from imagegen_client._errors import (
    ApiError,
    BudgetExceeded,
    Conflict,
    ConnectionFailed,
    Forbidden,
    ImagegenError,
    InvalidRequest,
    InvalidWebhook,
    JobCancelled,
    JobFailed,
    JobRefused,
    NotFound,
    RateLimited,
    ServiceUnavailable,
    Unauthorized,
    UnexpectedResponse,
    WaitTimeout,
)
from imagegen_client._params import AnyCall, AnyEstimate, AnyItem, Call, ItemOptions, Json
from imagegen_client._sync.client import BaseImagegen
from imagegen_client._sync.resources import Batch, Image, Job
from imagegen_client._types import (
    BatchData,
    BudgetState,
    Estimate,
    ImageData,
    JobData,
    JobEvent,
    ModelDetail,
    ModelSummary,
    Problem,
    ProblemBudget,
    ProblemFault,
    RefusedRequest,
    Upload,
    Usage,
    WebhookEvent,
)
from imagegen_client._webhooks import verify_webhook
from imagegen_client.models import AsyncImagegen, BatchItem, Imagegen

__all__ = [
    "AnyCall",
    "AnyEstimate",
    "AnyItem",
    "ApiError",
    "AsyncBaseImagegen",
    "AsyncBatch",
    "AsyncImage",
    "AsyncImagegen",
    "AsyncJob",
    "BaseImagegen",
    "Batch",
    "BatchData",
    "BatchItem",
    "BudgetExceeded",
    "BudgetState",
    "Call",
    "Conflict",
    "ConnectionFailed",
    "Estimate",
    "Forbidden",
    "Image",
    "ImageData",
    "Imagegen",
    "ImagegenError",
    "InvalidRequest",
    "InvalidWebhook",
    "ItemOptions",
    "Job",
    "JobCancelled",
    "JobData",
    "JobEvent",
    "JobFailed",
    "JobRefused",
    "Json",
    "ModelDetail",
    "ModelSummary",
    "NotFound",
    "Problem",
    "ProblemBudget",
    "ProblemFault",
    "RateLimited",
    "RefusedRequest",
    "ServiceUnavailable",
    "Unauthorized",
    "UnexpectedResponse",
    "Upload",
    "Usage",
    "WaitTimeout",
    "WebhookEvent",
    "verify_webhook",
]

# Tracebacks name what programs import.
for _public in [globals()[name] for name in __all__]:
    if isinstance(_public, type):
        _public.__module__ = __name__
