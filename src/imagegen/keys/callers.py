"""The caller of a request, and what it may do. Pure."""

from dataclasses import dataclass

from imagegen.errors import ModelNotAllowed, UserNotAllowed
from imagegen.keys.tokens import ApiKey


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller of a request: a key's holder, or anyone if none is required (`key` is None), without restrictions."""

    key: ApiKey | None = None

    @property
    def users(self) -> tuple[str, ...] | None:
        """The users whose jobs the caller can access; None: all users."""
        return self.key.users if self.key else None

    def can_access(self, user_id: str) -> bool:
        """Whether the caller can access this user's jobs. Others are reported as not found."""
        return self.users is None or user_id in self.users

    def require_user(self, user_id: str) -> None:
        """Raise UserNotAllowed unless the caller may act for this user."""
        if not self.can_access(user_id):
            raise UserNotAllowed(user_id, self.users or ())

    def require_model(self, model: str) -> None:
        """Raise ModelNotAllowed unless the caller may use this model."""
        models = self.key.models if self.key else None
        if models is not None and model not in models:
            raise ModelNotAllowed(model, models)

    def idempotency_scope(self, user_id: str) -> str:
        """The scope of idempotency keys: those of one API key never match those of another. A key's id has no `/`."""
        return f"{self.key.id if self.key else 'anonymous'}/{user_id}"
