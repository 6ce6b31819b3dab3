"""Whether the operator's settings allow a webhook; checked before anything is stored."""

from imagegen.errors import Fault
from imagegen.settings import Environment, Settings
from imagegen.webhooks import policy_violation

_NO_SECRET = "is not available: WEBHOOK_SECRETS is not set, so nothing can be signed"  # noqa: S105 - a sentence
_POINTER = "/webhookUrl"


def webhook_fault(url: str, settings: Settings) -> Fault | None:
    """Why a well-formed webhook is refused; None if it would be sent."""
    if not settings.webhooks.keys:
        return Fault(pointer=_POINTER, code="unsupported", message=f"webhookUrl {_NO_SECRET}.")
    end = policy_violation(
        url,
        https_only=settings.service.env is not Environment.DEVELOPMENT,
        allow_private=settings.webhooks.allow_private,
    )
    return Fault(pointer=_POINTER, code="not_allowed", message=f"webhookUrl {end}.") if end else None
