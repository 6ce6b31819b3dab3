"""API keys: tokens and hashes, what a caller may do, and the file of keys of earlier versions."""

from imagegen.keys.callers import Caller
from imagegen.keys.file import read_keys
from imagegen.keys.rates import HIGHEST_RATE, NO_RATES, Rates
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
    "HIGHEST_RATE",
    "KEY_ID_PATTERN",
    "NO_RATES",
    "ApiKey",
    "Caller",
    "KeyRing",
    "KeyScope",
    "Rates",
    "digest_of",
    "is_token",
    "key_id_of",
    "new_key",
    "read_keys",
]
