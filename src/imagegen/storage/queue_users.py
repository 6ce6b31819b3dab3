"""Which queue the living processes use: a note of each, for a while, on the database's clock."""

from datetime import timedelta
from typing import TYPE_CHECKING

from imagegen.storage.answers import answers

if TYPE_CHECKING:
    from imagegen.storage.jobs import Collection


class QueueUsers:
    """One document for each process."""

    def __init__(self, collection: "Collection") -> None:
        self._users = collection

    async def queue_at(self, address: str) -> str | None:
        """The identity of the queue that a process has used at this address; None if none is known."""
        with answers():
            found = await self._users.find_one({"address": address})
        return None if found is None else found["identity"]

    async def use(self, process: str, identity: str, address: str, at_least: timedelta) -> bool:
        """Note that this process uses the queue of this identity, or renew that.

        Whoever starts notes first and looks second, so of two that start at once at least one sees the other; the
        older note wins.

        Returns:
            False, and nothing noted, if a living process uses another queue and was first.
        """
        until = {"$add": ["$$NOW", int(at_least.total_seconds() * 1000)]}
        since = {"$ifNull": ["$since", "$$NOW"]}
        mine = {"identity": identity, "address": address, "until": until, "since": since}
        with answers():
            await self._users.update_one({"_id": process}, [{"$set": mine}], upsert=True)
            me = await self._users.find_one({"_id": process})
            if me is not None and await self._is_free_for(process, identity, me["since"]):
                return True
            await self._users.delete_one({"_id": process})
        return False

    async def _is_free_for(self, process: str, identity: str, since: object) -> bool:
        first = {"$or": [{"since": {"$lt": since}}, {"since": since, "_id": {"$lt": process}}]}
        alive = {"$expr": {"$gt": ["$until", "$$NOW"]}}
        return await self._users.find_one({"identity": {"$ne": identity}, **first, **alive}) is None

    async def leave(self, process: str) -> None:
        """This process uses no queue any more; the notes of those that died go away with it."""
        gone = {"$or": [{"_id": process}, {"$expr": {"$lte": ["$until", "$$NOW"]}}]}
        with answers():
            await self._users.delete_many(gone)
