"""The forms in which fal's clients send a key, brought into the API's form: `Bearer ig_…`."""

from enum import Enum
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Scope

from imagegen.doors.fal.upload_tokens import is_upload_token
from imagegen.keys import is_token

_NAME: Final = "authorization"
_PREFIX: Final = "ig_"
_NOT_OURS: Final = "Bearer not-a-key-of-this-service"  # fal's key itself goes no further


class KeyForm(Enum):
    """What a request's `Authorization` holds."""

    NONE = "none"
    OURS = "ours"  # has the form of a key of this service
    FOREIGN = "foreign"  # a key for fal, most likely


def with_bearer_key(scope: Scope) -> tuple[Scope, KeyForm]:
    """The same request, with `Key ig_…`, `Key {id}:{secret}` and `Bearer ig_…` as the API takes a key.

    `Key id:secret` is what the clients send for FAL_KEY_ID and FAL_KEY_SECRET.
    """
    given = Headers(scope=scope).getlist(_NAME)
    if not given:
        return scope, KeyForm.NONE
    if len(given) > 1:
        return scope, KeyForm.FOREIGN  # it is unknown which of them a proxy checked; the API refuses both
    scheme, _, key = given[0].strip().partition(" ")
    if scheme.lower() not in {"key", "bearer"}:
        return scope, KeyForm.FOREIGN
    if is_upload_token(key.strip()):
        return scope, KeyForm.OURS
    token = _token(key.strip())
    scope = {**scope, "headers": list(scope["headers"])}
    MutableHeaders(scope=scope)[_NAME] = f"Bearer {token}" if token else _NOT_OURS
    return scope, KeyForm.OURS if token else KeyForm.FOREIGN


def _token(key: str) -> str | None:
    joined = key.replace(":", "_", 1)
    named = joined if joined.startswith(_PREFIX) else _PREFIX + joined
    return named if is_token(named) else None
