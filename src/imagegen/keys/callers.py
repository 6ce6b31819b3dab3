"""Who asks, and what they may do: pure."""

from dataclasses import dataclass

from imagegen.errors import ModelNotAllowed, UserNotAllowed
from imagegen.keys.tokens import ApiKey


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the holder of a key or, where no key is demanded, anyone (`key` is None), who may do everything."""

    key: ApiKey | None = None

    @property
    def users(self) -> tuple[str, ...] | None:
        """The users whose jobs the caller sees; None for all."""
        return self.key.users if self.key else None

    def sees(self, user_id: str) -> bool:
        """Whether this user's jobs exist as far as the caller can tell."""
        return self.users is None or user_id in self.users

    def demand_user(self, user_id: str) -> None:
        """Raise UserNotAllowed unless the caller may act for this user."""
        if not self.sees(user_id):
            raise UserNotAllowed(user_id, self.users or ())

    def demand_model(self, model: str) -> None:
        """Raise ModelNotAllowed unless the caller may use this model."""
        models = self.key.models if self.key else None
        if models is not None and model not in models:
            raise ModelNotAllowed(model, models)

    def idempotency_scope(self, user_id: str) -> str:
        """Whose idempotency keys they are: those of one API key never meet those of another. A key's id has no `/`."""
        return f"{self.key.id if self.key else 'anonymous'}/{user_id}"
