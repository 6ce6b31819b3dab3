"""Errors about one API key: its stored state does not allow the change."""

from imagegen.errors.base import ImagegenError


class StaleKey(ImagegenError):
    """A compare-and-set lost: the key was changed or revoked since it was read."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"Key {key_id} was changed by someone else.")
        self.key_id = key_id


class KeyExists(ImagegenError):
    """There is a key with this id already, or with this idempotency key."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"There is a key {key_id} already.")
        self.key_id = key_id
