"""API keys: tokens and hashes, what a caller may do, and the file that stores the keys."""

from imagegen.keys.callers import Caller
from imagegen.keys.file import KeysFile, change_keys, read_keys
from imagegen.keys.tokens import ApiKey, KeyRing, new_key

__all__ = ["ApiKey", "Caller", "KeyRing", "KeysFile", "change_keys", "new_key", "read_keys"]
