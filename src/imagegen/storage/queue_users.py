"""Which queue the living processes use: one document for all of them, on the database's clock.

One document, so that of processes that start at the same moment with different queues exactly one is first.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, TypeAlias

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from imagegen.storage.answers import answers
from imagegen.storage.mongodb import Collection

Expression: TypeAlias = Mapping[str, Any]
_QUEUE: Final = "queue in use"
_NOBODY: Final[list[str]] = []


class QueueUsers:
    """The queue in use, and until when each process uses it unless it says so again."""

    def __init__(self, collection: Collection) -> None:
        self._queue = collection

    async def queue_at(self, address: str) -> str | None:
        """The identity of the queue that was last used, if it was at this address; None if it was not."""
        with answers():
            found = await self._queue.find_one({"_id": _QUEUE, "address": address})
        return None if found is None else found["identity"]

    async def use(self, process: str, identity: str, address: str, at_least: timedelta) -> bool:
        """Note that this process uses the queue of this identity, or renew that.

        Returns:
            False, and nothing noted, if a living process uses another queue.
        """
        user = {"process": {"$literal": process}, "until": {"$add": ["$$NOW", _milliseconds(at_least)]}}
        free: Expression = {"$or": [{"$eq": ["$identity", {"$literal": identity}]}, {"$eq": ["$users", []]}]}
        mine: Expression = {"$cond": [free, [user], _NOBODY]}
        noted: Expression = {
            "users": {"$concatArrays": ["$users", mine]},
            "identity": {"$cond": [free, {"$literal": identity}, "$identity"]},
            "address": {"$cond": [free, {"$literal": address}, "$address"]},
        }
        steps = [{"$set": {"users": _others(process)}}, {"$set": noted}]
        with answers():
            try:
                return await self._change(steps) == identity
            except DuplicateKeyError:  # another process made the document just now
                return await self._change(steps) == identity

    async def _change(self, steps: Sequence[Expression]) -> str:
        """Change the one document; returns the identity of the queue in use after that."""
        found = await self._queue.find_one_and_update(
            {"_id": _QUEUE}, steps, upsert=True, return_document=ReturnDocument.AFTER
        )
        return found["identity"]

    async def leave(self, process: str) -> None:
        """This process uses no queue any more."""
        with answers():
            await self._queue.update_one({"_id": _QUEUE}, [{"$set": {"users": _others(process)}}])


def _others(process: str) -> Expression:
    """The living processes but this one."""
    another: Expression = {"$ne": ["$$user.process", {"$literal": process}]}
    alive: Expression = {"$gt": ["$$user.until", "$$NOW"]}
    return {"$filter": {"input": {"$ifNull": ["$users", _NOBODY]}, "as": "user", "cond": {"$and": [another, alive]}}}


def _milliseconds(duration: timedelta) -> int:
    return int(duration.total_seconds() * 1000)
