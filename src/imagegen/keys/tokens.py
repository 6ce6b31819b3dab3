"""API keys and their tokens. Pure: no file, no clock.

A token is `ig_{id}_{secret}`: a prefix for secret scanners, the key's id, and 256 random bits. Only the SHA-256 of the
whole token is stored. A slow hash is not needed: it protects secrets that can be guessed, and 256 random bits cannot.
"""

import hashlib
import hmac
import re
import secrets
import string
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

_LETTERS: Final = string.ascii_letters + string.digits
_ID_LENGTH: Final = 10
_SECRET_LENGTH: Final = 43  # the fewest of these 62 characters that have 256 bits
_TOKEN: Final = re.compile(rf"ig_([a-z0-9]{{{_ID_LENGTH}}})_[A-Za-z0-9]{{{_SECRET_LENGTH}}}")
_NO_DIGEST: Final = "0" * 64

Name = Annotated[str, StringConstraints(min_length=1, max_length=128)]


class _KeysFileModel(BaseModel):
    """camelCase in the file. An unknown member is an error, because it may be meant as a restriction."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, validate_by_name=True)


class ApiKey(_KeysFileModel):
    """A key as stored. `users` and `models` restrict what it is valid for; None means all."""

    id: str = Field(pattern=rf"^[a-z0-9]{{{_ID_LENGTH}}}$")
    name: Name
    sha256: str = Field(pattern="^[0-9a-f]{64}$", repr=False)
    users: Annotated[tuple[Name, ...], Field(min_length=1)] | None
    models: Annotated[tuple[Name, ...], Field(min_length=1)] | None
    created_at: AwareDatetime


class KeyRing(_KeysFileModel):
    """All keys."""

    keys: tuple[ApiKey, ...] = ()

    def find_key(self, token: str) -> ApiKey | None:
        """The key of a token; None if the token is not valid. Takes equally long for wrong and right secrets."""
        parsed = _TOKEN.fullmatch(token)
        key = self._key_with_id(parsed[1]) if parsed else None
        is_valid = hmac.compare_digest(_digest(token), key.sha256 if key else _NO_DIGEST)
        return key if is_valid else None

    def with_key(self, key: ApiKey) -> Self:
        """The same keys with this one."""
        return self.model_copy(update={"keys": (*self.keys, key)})

    def without(self, key_id: str) -> Self:
        """The same keys without this one.

        Raises:
            KeyError: there is no such key.
        """
        if self._key_with_id(key_id) is None:
            raise KeyError(key_id)
        return self.model_copy(update={"keys": tuple(key for key in self.keys if key.id != key_id)})

    def _key_with_id(self, key_id: str) -> ApiKey | None:
        return next((key for key in self.keys if key.id == key_id), None)


def new_key(name: str, users: Sequence[str], models: Sequence[str], created_at: datetime) -> tuple[ApiKey, str]:
    """Create a key. No users means all users, no models all models.

    Returns:
        The key and its token. The token cannot be recovered from the key.
    """
    key_id = _random(string.ascii_lowercase + string.digits, _ID_LENGTH)
    token = f"ig_{key_id}_{_random(_LETTERS, _SECRET_LENGTH)}"
    key = ApiKey(
        id=key_id,
        name=name,
        sha256=_digest(token),
        users=tuple(users) or None,
        models=tuple(models) or None,
        created_at=created_at,
    )
    return key, token


def _random(letters: str, length: int) -> str:
    return "".join(secrets.choice(letters) for _ in range(length))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
