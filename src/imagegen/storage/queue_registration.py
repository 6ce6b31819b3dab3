"""The queue and the catalogs that the living processes use: one document for all of them, on the database's clock.

It is one document so that, of processes that start at the same moment with different queues, exactly one is first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from imagegen.storage.errors import mongo_errors
from imagegen.storage.expressions import Expression, from_now
from imagegen.storage.mongodb import Collection

_QUEUE: Final = "queue in use"
_NO_USERS: Final[list[str]] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What a process says of itself.

    Attributes:
        process: its name.
        catalog: the sha256 of its catalog.
    """

    process: str
    catalog: str


class QueueRegistrations:
    """The identity of the queue in use, and until when each process is registered for it."""

    def __init__(self, collection: Collection) -> None:
        self._queue = collection

    async def find_identity(self, address: str) -> str | None:
        """The identity of the queue that was last used, if it was at this address; else None."""
        with mongo_errors():
            found = await self._queue.find_one({"_id": _QUEUE, "address": address})
        return None if found is None else found["identity"]

    async def register(self, own: Registration, identity: str, address: str, at_least: timedelta) -> bool:
        """Register a process for the queue with this identity, or renew its registration, for `at_least`.

        Returns:
            False, and nothing is stored, if a living process uses another queue.
        """
        user = {
            "process": {"$literal": own.process},
            "catalog": {"$literal": own.catalog},
            "until": from_now(at_least),
        }
        free: Expression = {"$or": [{"$eq": ["$identity", {"$literal": identity}]}, {"$eq": ["$users", []]}]}
        added: Expression = {"$cond": [free, [user], _NO_USERS]}
        registered: Expression = {
            "users": {"$concatArrays": ["$users", added]},
            "identity": {"$cond": [free, {"$literal": identity}, "$identity"]},
            "address": {"$cond": [free, {"$literal": address}, "$address"]},
        }
        steps = [{"$set": {"users": _others(own.process)}}, {"$set": registered}]
        with mongo_errors():
            try:
                return await self._change(steps) == identity
            except DuplicateKeyError:  # another process inserted the document at the same moment
                return await self._change(steps) == identity

    async def _change(self, steps: Sequence[Expression]) -> str:
        """Change the one document; returns the identity of the queue in use after that."""
        found = await self._queue.find_one_and_update(
            {"_id": _QUEUE}, steps, upsert=True, return_document=ReturnDocument.AFTER
        )
        return found["identity"]

    async def catalogs(self) -> Mapping[str, str]:
        """The sha256 of the catalog of each living process that reports it, by the process."""
        alive: Expression = {"$set": {"users": _living({"$ne": ["$$user.catalog", None]})}}
        with mongo_errors():
            found = await self._queue.aggregate([{"$match": {"_id": _QUEUE}}, alive]).to_list(length=1)
        users: Sequence[Mapping[str, str]] = found[0]["users"] if found else ()
        return {user["process"]: user["catalog"] for user in users if "catalog" in user}

    async def unregister(self, process: str) -> None:
        """Remove this process's registration."""
        with mongo_errors():
            await self._queue.update_one({"_id": _QUEUE}, [{"$set": {"users": _others(process)}}])


def _others(process: str) -> Expression:
    """The living processes except this one."""
    return _living({"$ne": ["$$user.process", {"$literal": process}]})


def _living(wanted: Expression) -> Expression:
    """The living processes of which this is true."""
    alive: Expression = {"$gt": ["$$user.until", "$$NOW"]}
    return {"$filter": {"input": {"$ifNull": ["$users", _NO_USERS]}, "as": "user", "cond": {"$and": [wanted, alive]}}}
