"""API keys: what a key is, what its holder may do, and the file that keeps them as hashes."""

from imagegen.keys.callers import Caller
from imagegen.keys.file import KeysFile, changing, read_keys
from imagegen.keys.tokens import ApiKey, KeyRing, new_key

__all__ = ["ApiKey", "Caller", "KeyRing", "KeysFile", "changing", "new_key", "read_keys"]
