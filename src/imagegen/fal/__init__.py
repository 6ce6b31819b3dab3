"""The client of fal.ai: the queue, its webhooks, file uploads, history and prices."""

from imagegen.fal.cancellation import CancelResult
from imagegen.fal.client import FalClient
from imagegen.fal.metric_labels import keys_operation, operation_of
from imagegen.fal.model_list import ListedModel, ModelList
from imagegen.fal.pricing import Pricing
from imagegen.fal.responses import Progress
from imagegen.fal.stream_limit import max_streams, required_open_files
from imagegen.fal.timeouts import FalTimeouts
from imagegen.fal.webhooks import WebhookHint, WebhookVerifier

__all__ = [
    "CancelResult",
    "FalClient",
    "FalTimeouts",
    "ListedModel",
    "ModelList",
    "Pricing",
    "Progress",
    "WebhookHint",
    "WebhookVerifier",
    "keys_operation",
    "max_streams",
    "operation_of",
    "required_open_files",
]
