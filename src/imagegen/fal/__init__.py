"""The only room that talks to fal.ai."""

from imagegen.fal.answers import Progress
from imagegen.fal.cancelling import Cancelled
from imagegen.fal.client import Fal
from imagegen.fal.operations import about_keys, operation_of
from imagegen.fal.pricing import Pricing
from imagegen.fal.streams import files_for, streams_within
from imagegen.fal.waiting import Patience
from imagegen.fal.webhooks import WebhookHint, WebhookVerifier

__all__ = [
    "Cancelled",
    "Fal",
    "Patience",
    "Pricing",
    "Progress",
    "WebhookHint",
    "WebhookVerifier",
    "about_keys",
    "files_for",
    "operation_of",
    "streams_within",
]
