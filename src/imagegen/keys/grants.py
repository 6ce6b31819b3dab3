"""What a key may grant to others: no more than it has itself. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final

from imagegen.errors import Fault
from imagegen.keys.rates import Rates
from imagegen.keys.tokens import ApiKey

_MOST_LISTED: Final = 50  # valid values that a fault lists


def may_grant(granter: ApiKey | None, key: ApiKey) -> bool:
    """Whether a key could have granted this one. Without a key, everything can be granted."""
    return next(excesses(granter, key), None) is None


def excesses(granter: ApiKey | None, key: ApiKey) -> Iterator[Fault]:
    """Everything that a key would grant beyond what it has itself."""
    if granter is None:
        return
    yield from beyond("users", granter.users, key.users)
    yield from beyond("models", granter.models, key.models)
    yield from beyond("allowedTags", granter.allowed_tags, key.allowed_tags, "tags")
    yield from _without_required_tags(granter, key)
    yield from beyond("scopes", granter.scopes, key.scopes)
    yield from _faster(granter.rates, key.rates)
    if granter.expires_at is not None and (key.expires_at is None or key.expires_at > granter.expires_at):
        message = f"expiresAt must be at most {granter.expires_at.isoformat()}, when your own key expires."
        yield Fault(pointer="/expiresAt", code="out_of_range", message=message)


def listed(values: Sequence[str]) -> tuple[str, ...]:
    """The valid values of a fault; none if they are too many for a response."""
    return tuple(values) if len(values) <= _MOST_LISTED else ()


def _without_required_tags(granter: ApiKey, key: ApiKey) -> Iterator[Fault]:
    own, wanted = granter.required_tags, key.required_tags
    if own is not None and (wanted is None or not frozenset(wanted) <= frozenset(own)):
        message = "requiredTags must be given, and be some of those of your own key."
        yield Fault(pointer="/requiredTags", code="not_allowed", message=message, valid=listed(own))


def _faster(own: Rates, wanted: Rates) -> Iterator[Fault]:
    for member, most, given in (
        ("requestsPerMinute", own.requests_per_minute, wanted.requests_per_minute),
        ("imagesPerMinute", own.images_per_minute, wanted.images_per_minute),
        ("openJobs", own.open_jobs, wanted.open_jobs),
    ):
        if most is not None and (given is None or given > most):
            message = f"rates.{member} must be given, and at most {most}, the rate of your own key."
            yield Fault(pointer=f"/rates/{member}", code="out_of_range", message=message)


def beyond(
    member: str, own: Sequence[str] | None, wanted: Sequence[str] | None, what: str | None = None
) -> Iterator[Fault]:
    """A fault for each wanted value that is not among a key's own; None is all."""
    if own is None:
        return
    if wanted is None:
        message = f"{member} must be given: your own key is not for all {what or member}."
        yield Fault(pointer=f"/{member}", code="not_allowed", message=message, valid=listed(own))
        return
    permitted = frozenset(own)
    for number, value in enumerate(wanted):
        if value not in permitted:
            message = f"{member}[{number}] must be one of the {member} of your own key, not {str(value)!r}."
            yield Fault(pointer=f"/{member}/{number}", code="not_allowed", message=message, valid=listed(own))
