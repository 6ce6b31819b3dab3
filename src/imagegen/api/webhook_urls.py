"""Whether a webhook can be accepted here: what the operator's settings say of it, before anything is stored."""

from imagegen.errors import Fault, InvalidInput
from imagegen.settings import Environment, Settings
from imagegen.webhooks import policy_fault

_NO_SECRET = "is not possible here: WEBHOOK_SECRETS is not set, so that nothing could be signed"  # noqa: S105 - a sentence


def demand_deliverable(url: str | None, settings: Settings) -> None:
    """Raise InvalidInput where a request asks for a webhook that would not be sent."""
    if url is not None and (fault := webhook_fault(url, settings)):
        raise InvalidInput([fault])


def webhook_fault(url: str, settings: Settings, within: str = "") -> Fault | None:
    """What speaks against a webhook; `within` is the JSON Pointer of the request that asks for it."""
    pointer = f"{within}/webhookUrl"
    if not settings.webhooks.keys:
        return Fault(pointer=pointer, code="unsupported", message=f"webhookUrl {_NO_SECRET}.")
    end = policy_fault(
        url,
        https_only=settings.service.env is not Environment.DEVELOPMENT,
        allow_private=settings.webhooks.allow_private,
    )
    return Fault(pointer=pointer, code="not_allowed", message=f"webhookUrl {end}.") if end else None
