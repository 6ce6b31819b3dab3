"""Errors about one API key: there is none, or its stored state does not allow the change."""

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


class KeyNotFound(ImagegenError):
    """No key has this id, or the caller's own key could not grant it."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"There is no API key {key_id}.")
        self.key_id = key_id


class KeyRevoked(ImagegenError):
    """The key was revoked, for good."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"API key {key_id} is revoked for good. Create another one.")
        self.key_id = key_id


class KeyExpired(ImagegenError):
    """The key has expired, so a new token for it would not be valid."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"API key {key_id} has expired. Change its expiresAt first.")
        self.key_id = key_id


class TooManyKeys(ImagegenError):
    """There are as many keys as there may be."""

    def __init__(self, most: int) -> None:
        super().__init__(f"There are {most} API keys already, and no more are possible. Revoke one first.")


class KeyConflict(ImagegenError):
    """Other requests changed the key at the same time, again and again."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"API key {key_id} is being changed by other requests. Nothing was changed; try again.")
        self.key_id = key_id
