"""API keys: tokens and hashes, what a caller may do, and the file of keys of earlier versions."""

from imagegen.keys.callers import Caller
from imagegen.keys.file import read_keys
from imagegen.keys.tokens import (
    DEFAULT_SCOPES,
    KEY_ID_PATTERN,
    ApiKey,
    KeyRing,
    KeyScope,
    digest_of,
    is_token,
    key_id_of,
    new_key,
)

__all__ = [
    "DEFAULT_SCOPES",
    "KEY_ID_PATTERN",
    "ApiKey",
    "Caller",
    "KeyRing",
    "KeyScope",
    "digest_of",
    "is_token",
    "key_id_of",
    "new_key",
    "read_keys",
]
