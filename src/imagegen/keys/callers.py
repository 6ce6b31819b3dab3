"""The caller of a request, and what it may do. Pure."""

from collections.abc import Collection
from dataclasses import dataclass

from imagegen.errors import ModelNotAllowed, ScopeMissing, UserNotAllowed
from imagegen.keys.tokens import DEFAULT_SCOPES, ApiKey, KeyScope


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller of a request.

    Attributes:
        key: its API key; None if it has none and needs none, and then it has access to all users and models.
        is_local: without a key: it is a program on this machine, so it may administer keys.
    """

    key: ApiKey | None = None
    is_local: bool = False

    @property
    def users(self) -> tuple[str, ...] | None:
        """The users whose jobs the caller can access; None: all users."""
        return self.key.users if self.key else None

    @property
    def scopes(self) -> tuple[KeyScope, ...]:
        """What the caller may do."""
        if self.key is not None:
            return self.key.scopes
        return (*DEFAULT_SCOPES, KeyScope.ADMIN) if self.is_local else DEFAULT_SCOPES

    @property
    def default_user(self) -> str | None:
        """The user of a request that names none."""
        return self.key.default_user if self.key else None

    def can_access(self, user_id: str) -> bool:
        """Whether the caller can access this user's jobs. Others are reported as not found."""
        return self.users is None or user_id in self.users

    def require_scope(self, scope: KeyScope) -> None:
        """Raise ScopeMissing unless the caller has this scope."""
        if scope not in self.scopes:
            raise ScopeMissing(scope.value, [each.value for each in self.scopes])

    def require_user(self, user_id: str) -> None:
        """Raise UserNotAllowed unless the caller may act for this user."""
        if not self.can_access(user_id):
            raise UserNotAllowed(user_id, self.users or ())

    def require_model(self, model: str, aliases: Collection[str] = (), *, is_later_built_in: bool = False) -> None:
        """Raise ModelNotAllowed unless the caller may use this model, under its name or one of its aliases.

        Args:
            model: its name.
            aliases: its aliases.
            is_later_built_in: whether a release after the first brought it.
        """
        if self.key is None:
            return
        models = self.key.models
        if models is None and is_later_built_in and not self.key.all_models:
            raise ModelNotAllowed(model, older_key=self.key.id)
        if models is not None and model not in models and not any(alias in models for alias in aliases):
            raise ModelNotAllowed(model, models)

    def idempotency_scope(self, user_id: str) -> str:
        """The scope of idempotency keys: those of one API key never match those of another. A key's id has no `/`."""
        return f"{self.key.id if self.key else 'anonymous'}/{user_id}"
