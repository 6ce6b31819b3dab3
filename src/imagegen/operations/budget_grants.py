"""Which budgets an administrator whose own key has restrictions may see and manage: those of what it could grant."""

from collections.abc import Iterator

from imagegen.budgets import ANY_USER, Budget, ScopeKind
from imagegen.errors import Fault
from imagegen.keys import ApiKey
from imagegen.keys.grants import beyond, listed, may_grant


def may_manage(own: ApiKey | None, budget: Budget, of: ApiKey | None) -> bool:
    """Whether an administrator may manage a budget: not the one of its own key, if that has restrictions.

    Args:
        own: the administrator's key; None if nothing restricts it.
        budget: the budget.
        of: the key whose jobs count, if it is a key's budget.
    """
    if own is None:
        return True
    if budget.scope.kind is ScopeKind.KEY:
        return of is not None and of.id != own.id and may_grant(own, of)
    return next(excesses(own, budget), None) is None


def excesses(own: ApiKey | None, budget: Budget) -> Iterator[Fault]:
    """Everything that the budget of a user, or of all, limits beyond what the administrator's key has."""
    if own is None or budget.scope.kind is ScopeKind.KEY:
        return
    is_restricted = own.users is not None or own.models is not None
    if budget.scope.kind is ScopeKind.ALL and is_restricted:
        message = "scope.kind must be key or user: your own key is not for all users and models."
        yield Fault(pointer="/scope/kind", code="not_allowed", message=message)
        return
    user = budget.scope.value
    if (user == ANY_USER and is_restricted) or (own.users is not None and user not in own.users):
        message = "scope.value must be one of the users of your own key."
        yield Fault(pointer="/scope/value", code="not_allowed", message=message, valid=listed(own.users or ()))
    yield from beyond("models", own.models, budget.models)
