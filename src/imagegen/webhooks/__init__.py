"""Webhooks to callers, the pure part: which addresses may be called, the signature, and a delivery's course."""

from imagegen.webhooks.addresses import LONGEST_URL, URL_PATTERN, is_public, policy_fault, receiver_of, url_fault
from imagegen.webhooks.deliveries import Attempt, Delivery, DeliveryState, Outcome, Pace, Route, outcome_of, webhook_id
from imagegen.webhooks.signing import headers, read_secrets

__all__ = [
    "LONGEST_URL",
    "URL_PATTERN",
    "Attempt",
    "Delivery",
    "DeliveryState",
    "Outcome",
    "Pace",
    "Route",
    "headers",
    "is_public",
    "outcome_of",
    "policy_fault",
    "read_secrets",
    "receiver_of",
    "url_fault",
    "webhook_id",
]
