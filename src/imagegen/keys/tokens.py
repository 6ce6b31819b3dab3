"""API keys and their tokens. Pure: no database, no clock.

A token is `ig_{id}_{secret}`: a prefix for secret scanners, the key's id, and 256 random bits. Only the SHA-256 of the
whole token is stored. A slow hash is not needed: it protects secrets that can be guessed, and 256 random bits cannot.
"""

import hashlib
import hmac
import re
import secrets
import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, Self

from imagegen.keys.rates import NO_RATES, Rates

_LETTERS: Final = string.ascii_letters + string.digits
_ID_LENGTH: Final = 10
_SECRET_LENGTH: Final = 43  # the fewest of these 62 characters that have 256 bits
KEY_ID_PATTERN: Final = f"[a-z0-9]{{{_ID_LENGTH}}}"
_TOKEN: Final = re.compile(rf"ig_({KEY_ID_PATTERN})_[A-Za-z0-9]{{{_SECRET_LENGTH}}}")
_NO_DIGEST: Final = "0" * 64


class KeyScope(StrEnum):
    """What a key may be used for. None implies another."""

    GENERATE = "generate"  # whatever makes, changes or deletes jobs
    READ = "read"  # jobs, images, usage
    ADMIN = "admin"  # keys, budgets, the audit trail and the catalog


DEFAULT_SCOPES: Final = (KeyScope.GENERATE, KeyScope.READ)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key as stored.

    Attributes:
        id: ten lower-case letters and digits; part of the token.
        name: of its holder: a person, a program, a customer.
        sha256: of the token, in hexadecimal.
        users: the users that it is valid for; None for all.
        models: the models that it is valid for; None for all.
        all_models: whether it is also for the models that releases after the first have built in. Without it, a key
            for all models is one of an earlier release: for those that there were, and those of the user's catalog.
        scopes: what it may be used for.
        default_user: the user of a request that names none.
        allowed_tags: the tags that its jobs may have; None for all. No job has a tag yet, so it limits nothing.
        required_tags: the tags of which its jobs must have one; None: they need none. It limits nothing yet, either.
        rates: its own; where it has none, the default of the settings counts.
        created_at: when it was made.
        expires_at: from when it is no longer valid.
        revoked_at: when it was revoked, for good.
        last_used_at: accurate to a minute; None if it was never used.
        version: raised by each change but that of `last_used_at`.
    """

    id: str
    name: str
    sha256: str = field(repr=False)
    users: tuple[str, ...] | None = None
    models: tuple[str, ...] | None = None
    all_models: bool = False
    scopes: tuple[KeyScope, ...] = DEFAULT_SCOPES
    default_user: str | None = None
    allowed_tags: tuple[str, ...] | None = None
    required_tags: tuple[str, ...] | None = None
    rates: Rates = NO_RATES
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = field(default=None, compare=False)
    version: int = 1

    def is_valid(self, now: datetime) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def rotated(self) -> tuple[Self, str]:
        """The same key with a new token; the old one is no longer valid."""
        token = _token_for(self.id)
        return replace(self, sha256=digest_of(token), version=self.version + 1), token

    def revoked(self, now: datetime) -> Self:
        """The same key, revoked."""
        return replace(self, revoked_at=now, version=self.version + 1)


class KeyRing:
    """All keys, by id."""

    def __init__(self, keys: Iterable[ApiKey] = ()) -> None:
        self._keys: Mapping[str, ApiKey] = {key.id: key for key in keys}

    def __len__(self) -> int:
        return len(self._keys)

    def still_grants(self, old: ApiKey, now: datetime) -> bool:
        """Whether a key, as it was found, still has its token and all that it permitted."""
        key = self._keys.get(old.id)
        return (
            key is not None
            and key.is_valid(now)
            and key.sha256 == old.sha256
            and set(key.scopes) >= set(old.scopes)
            and _covers(key.users, old.users)
            and _covers(key.models, old.models)
            and (key.all_models or not old.all_models)
        )

    def has_id_of(self, token: str) -> bool:
        """Whether there is a key with the id that this token names."""
        parsed = _TOKEN.fullmatch(token)
        return parsed is not None and parsed[1] in self._keys

    def find_key(self, token: str, now: datetime) -> ApiKey | None:
        """The key of a token; None if the token is not valid. Takes equally long for wrong and right secrets."""
        parsed = _TOKEN.fullmatch(token)
        key = self._keys.get(parsed[1]) if parsed else None
        is_right = hmac.compare_digest(digest_of(token), key.sha256 if key else _NO_DIGEST)
        return key if key is not None and is_right and key.is_valid(now) else None


def new_key(
    name: str,
    created_at: datetime,
    *,
    users: Sequence[str] = (),
    models: Sequence[str] = (),
    scopes: Sequence[KeyScope] = DEFAULT_SCOPES,
    default_user: str | None = None,
    allowed_tags: Sequence[str] = (),
    required_tags: Sequence[str] = (),
    rates: Rates = NO_RATES,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Create a key. No users means all users, no models all models, no allowed tags all tags.

    Returns:
        The key and its token. The token cannot be recovered from the key.
    """
    key_id = _random(string.ascii_lowercase + string.digits, _ID_LENGTH)
    token = _token_for(key_id)
    key = ApiKey(
        id=key_id,
        name=name,
        sha256=digest_of(token),
        users=tuple(users) or None,
        models=tuple(models) or None,
        all_models=not models,
        scopes=tuple(scopes),
        default_user=default_user,
        allowed_tags=tuple(allowed_tags) or None,
        required_tags=tuple(required_tags) or None,
        rates=rates,
        created_at=created_at,
        expires_at=expires_at,
    )
    return key, token


def is_token(text: str) -> bool:
    """Whether the text has the form of a token."""
    return _TOKEN.fullmatch(text) is not None


def key_id_of(token: str) -> str:
    """The id in a token. Raises ValueError if the text is none."""
    parsed = _TOKEN.fullmatch(token)
    if parsed is None:
        raise ValueError("not a token")
    return parsed[1]


def digest_of(token: str) -> str:
    """The SHA-256 of a token, in hexadecimal."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def _covers(now: Sequence[str] | None, before: Sequence[str] | None) -> bool:
    return now is None or (before is not None and set(now) >= set(before))


def _token_for(key_id: str) -> str:
    return f"ig_{key_id}_{_random(_LETTERS, _SECRET_LENGTH)}"


def _random(letters: str, length: int) -> str:
    return "".join(secrets.choice(letters) for _ in range(length))
