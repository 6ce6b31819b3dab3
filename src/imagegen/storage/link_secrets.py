"""The secrets that sign links to images: one document for all processes, made when the first one needs it."""

import secrets
from collections.abc import Sequence
from typing import Final

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from imagegen.storage.errors import mongo_errors
from imagegen.storage.expressions import Expression
from imagegen.storage.mongodb import Collection

_IMAGES: Final = "images"
_BYTES: Final = 32


class LinkSecrets:
    """The secret that signs, then the one that signed before it, whose links still work."""

    def __init__(self, collection: Collection) -> None:
        self._secrets = collection

    async def read(self) -> Sequence[bytes]:
        """The secrets. The first of all processes to ask makes one; the others get the same."""
        with mongo_errors():
            if found := await self._secrets.find_one({"_id": _IMAGES}):
                return found["secrets"]
            return await self._change({"$ifNull": ["$secrets", [_new_secret()]]})

    async def rotate(self, *, end_links: bool = False) -> Sequence[bytes]:
        """Sign with a new secret from now on. Links of the last one still work, unless `end_links`; older ones do not.

        Returns:
            The secrets from now on.
        """
        last: Expression = {"$slice": [{"$ifNull": ["$secrets", []]}, 1]}
        with mongo_errors():
            return await self._change([_new_secret()] if end_links else {"$concatArrays": [[_new_secret()], last]})

    async def _change(self, wanted: Expression | list[bytes]) -> Sequence[bytes]:
        steps = [{"$set": {"secrets": wanted, "changedAt": "$$NOW"}}]
        try:
            return await self._changed(steps)
        except DuplicateKeyError:  # another process inserted the document at the same moment
            return await self._changed(steps)

    async def _changed(self, steps: Sequence[Expression]) -> Sequence[bytes]:
        found = await self._secrets.find_one_and_update(
            {"_id": _IMAGES}, steps, upsert=True, return_document=ReturnDocument.AFTER
        )
        return found["secrets"]


def _new_secret() -> bytes:
    return secrets.token_bytes(_BYTES)
