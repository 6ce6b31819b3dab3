"""The connection to MongoDB: the only file that names Motor.

Writes are acknowledged by a majority and journaled. Who keeps something in a collection is given it.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final, TypeAlias, TypeVar

from bson.codec_options import CodecOptions
from motor.motor_asyncio import (
    AsyncIOMotorClient,
    AsyncIOMotorClientSession,
    AsyncIOMotorCollection,
)
from pymongo import UpdateOne, WriteConcern
from pymongo.errors import ConfigurationError
from pymongo.results import BulkWriteResult
from pymongo.topology_description import TopologyDescription

from imagegen.errors import DatabaseUnavailable, StartupError
from imagegen.settings import MongoSettings
from imagegen.storage.answers import answers
from imagegen.storage.job_documents import DECIMALS

Collection: TypeAlias = "AsyncIOMotorCollection[dict[str, Any]]"
Session: TypeAlias = AsyncIOMotorClientSession
T = TypeVar("T")
_DURABLE: Final = WriteConcern(w="majority", j=True)
_NOT_INITIATED: Final = (
    "MONGODB_URL: this MongoDB was started with --replSet, and its replica set was not initiated: run rs.initiate() "
    "on it once, in mongosh"
)
_ANOTHER_SET: Final = (
    "MONGODB_URL: no server there belongs to the replica set {name!r}: look at replicaSet= (rs.status() in mongosh "
    "says the set's name)"
)


@asynccontextmanager
async def open_collection(settings: MongoSettings, name: str, patience: timedelta) -> AsyncGenerator[Collection]:
    """Connect, and yield a collection of the database; one client for the life of the process.

    Args:
        settings: with the URL given.
        name: of the collection; there are others `beside` it.
        patience: how long a verb tries, and tries again, before it raises DatabaseUnavailable.
    """
    assert settings.url is not None
    try:
        client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
            settings.url.get_secret_value(),
            tz_aware=True,
            appname="imagegen",
            maxPoolSize=100,
            serverSelectionTimeoutMS=milliseconds(patience),
            connectTimeoutMS=milliseconds(patience),
            timeoutMS=milliseconds(patience),
        )
    except (ConfigurationError, ValueError) as error:
        raise StartupError("MONGODB_URL: expected an address that MongoDB's driver can read") from error
    try:
        await _require_transactions(client)
        yield _collection(client, settings.database, name)
    finally:
        await asyncio.to_thread(client.close)  # it says goodbye to the server, and waits for the answer


async def _require_transactions(client: "AsyncIOMotorClient[dict[str, Any]]") -> None:
    try:
        with answers():
            hello = await client.admin.command("hello")
    except DatabaseUnavailable:
        _explain_silence(client.delegate.topology_description)
        raise
    if hello.get("isreplicaset"):
        raise StartupError(_NOT_INITIATED)
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        raise StartupError(
            "MONGODB_URL: this MongoDB is a single server, and transactions need a replica set; one member is enough "
            "(start mongod with --replSet, then rs.initiate())"
        )


def _explain_silence(seen: TopologyDescription) -> None:
    """Raise what is wrong where a server did answer, and the driver could not use it."""
    kinds = {server.server_type_name for server in seen.server_descriptions().values()}
    if "RSGhost" in kinds:
        raise StartupError(_NOT_INITIATED)
    if seen.replica_set_name and not kinds:  # the driver drops servers that belong to another set
        raise StartupError(_ANOTHER_SET.format(name=seen.replica_set_name))


def _collection(client: "AsyncIOMotorClient[dict[str, Any]]", database: str, name: str) -> Collection:
    options: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, type_registry=DECIMALS)
    return client[database].get_collection(name, codec_options=options, write_concern=_DURABLE)


def beside(collection: Collection, name: str) -> Collection:
    """Another collection of the same database, read and written in the same way."""
    return collection.database.get_collection(
        name, codec_options=collection.codec_options, write_concern=collection.write_concern
    )


async def in_transaction(collection: Collection, move: Callable[[Session], Coroutine[Any, Any, T]]) -> T:
    """Run `move` in a transaction that a majority acknowledges, again from its start where another was faster.

    Raises the driver's errors.
    """
    async with await collection.database.client.start_session() as session:
        return await session.with_transaction(move, write_concern=collection.write_concern)


async def update_all(
    collection: Collection, updates: Sequence[UpdateOne], session: Session | None = None
) -> BulkWriteResult:
    """Make updates with one command, none waiting for another. Raises the driver's errors."""
    return await collection.bulk_write(updates, ordered=False, session=session)  # pyright: ignore[reportUnknownMemberType] - its `let`


async def prove_transactions(collection: Collection) -> None:
    """Write and delete a document in a transaction, which a majority acknowledges."""
    probe = collection.database["doctor"]
    with answers():
        async with (
            await collection.database.client.start_session() as session,
            session.start_transaction(write_concern=_DURABLE),
        ):
            made = await probe.insert_one({"by": "imagegen doctor"}, session=session)
            await probe.delete_one({"_id": made.inserted_id}, session=session)
        await probe.drop()


def milliseconds(duration: timedelta) -> int:
    """A duration as MongoDB takes it."""
    return int(duration.total_seconds() * 1000)
