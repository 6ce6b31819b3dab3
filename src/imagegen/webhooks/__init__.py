"""Webhooks to callers, the pure part: allowed URLs and addresses, signatures, and the states of a delivery."""

from imagegen.webhooks.delivery import (
    Attempt,
    AttemptOutcome,
    BudgetNotice,
    DeliveryRoute,
    DeliveryState,
    RetrySchedule,
    WebhookDelivery,
    outcome_of_status,
    webhook_id,
)
from imagegen.webhooks.fal_signing import fal_headers, jwks
from imagegen.webhooks.public_addresses import (
    LONGEST_URL,
    URL_PATTERN,
    is_public,
    policy_violation,
    receiver_of,
    url_fault,
)
from imagegen.webhooks.signing import headers, read_secrets

__all__ = [
    "LONGEST_URL",
    "URL_PATTERN",
    "Attempt",
    "AttemptOutcome",
    "BudgetNotice",
    "DeliveryRoute",
    "DeliveryState",
    "RetrySchedule",
    "WebhookDelivery",
    "fal_headers",
    "headers",
    "is_public",
    "jwks",
    "outcome_of_status",
    "policy_violation",
    "read_secrets",
    "receiver_of",
    "url_fault",
    "webhook_id",
]
