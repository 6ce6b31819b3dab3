"""Faults of fal's webhooks."""

from typing import Literal

from imagegen.sandbox.faults.planned import Planned, Seconds


class WebhookMissing(Planned):
    """The webhook is not sent."""

    fault: Literal["webhook_missing"]


class WebhookDoubled(Planned):
    """The webhook is sent twice."""

    fault: Literal["webhook_doubled"]


class WebhookForged(Planned):
    """The webhook is signed with a key that is not fal's, and fal's own is not sent."""

    fault: Literal["webhook_forged"]


class WebhookLate(Planned):
    """The webhook is sent this many seconds after the end."""

    fault: Literal["webhook_late"]
    seconds: Seconds


class WebhookBeforeAnswer(Planned):
    """The submit is answered only after the request has ended and its webhook was delivered."""

    fault: Literal["webhook_before_answer"]
