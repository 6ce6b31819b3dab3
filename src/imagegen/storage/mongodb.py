"""The connection to MongoDB, and the only file that imports Motor.

Writes are acknowledged by a majority and journaled. Each store is given its collection.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from datetime import timedelta
from typing import Any, Final, TypeAlias, TypeVar

from bson.codec_options import CodecOptions
from motor.motor_asyncio import (
    AsyncIOMotorClient,
    AsyncIOMotorClientSession,
    AsyncIOMotorCollection,
)
from pymongo import UpdateOne, WriteConcern, timeout
from pymongo.errors import ConfigurationError
from pymongo.read_concern import ReadConcern
from pymongo.results import BulkWriteResult
from pymongo.topology_description import TopologyDescription

from imagegen.errors import DatabaseUnavailable, StartupError
from imagegen.settings import MongoSettings
from imagegen.storage.errors import mongo_errors
from imagegen.storage.expressions import milliseconds
from imagegen.storage.jobs.documents import DECIMALS

Collection: TypeAlias = "AsyncIOMotorCollection[dict[str, Any]]"
Session: TypeAlias = AsyncIOMotorClientSession
T = TypeVar("T")
_DURABLE: Final = WriteConcern(w="majority", j=True)
_INDEX_CREATION_LIMIT: Final = timedelta(hours=1)
_NOT_INITIATED: Final = (
    "MONGODB_URL: this MongoDB was started with --replSet, but its replica set is not initiated: run rs.initiate() "
    "on it once, in mongosh"
)
_ANOTHER_SET: Final = (
    "MONGODB_URL: no server there belongs to the replica set {name!r}: look at replicaSet= (rs.status() in mongosh "
    "says the set's name)"
)


@asynccontextmanager
async def open_collection(settings: MongoSettings, name: str, limit: timedelta) -> AsyncGenerator[Collection]:
    """Connect, and yield a collection of the database; there is one client for the life of the process.

    Args:
        settings: with a URL.
        name: of the collection; `sibling_collection` opens others.
        limit: how long an operation is tried and retried before it raises DatabaseUnavailable.

    Raises:
        StartupError: the URL is invalid, or the server has no replica set.
        DatabaseUnavailable: the server does not respond.
    """
    assert settings.url is not None
    try:
        client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
            settings.url.get_secret_value(),
            tz_aware=True,
            appname="imagegen",
            maxPoolSize=100,
            serverSelectionTimeoutMS=milliseconds(limit),
            connectTimeoutMS=milliseconds(limit),
            timeoutMS=milliseconds(limit),
        )
    except (ConfigurationError, ValueError) as error:
        raise StartupError("MONGODB_URL: expected an address that MongoDB's driver can read") from error
    try:
        await _require_transactions(client)
        yield _collection(client, settings.database, name)
    finally:
        await asyncio.to_thread(client.close)  # it ends its sessions at the server, which blocks


async def _require_transactions(client: "AsyncIOMotorClient[dict[str, Any]]") -> None:
    try:
        with mongo_errors():
            hello = await client.admin.command("hello")
    except DatabaseUnavailable:
        _raise_known_fault(client.delegate.topology_description)
        raise
    if hello.get("isreplicaset"):
        raise StartupError(_NOT_INITIATED)
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        raise StartupError(
            "MONGODB_URL: this MongoDB is a single server, and transactions need a replica set; one member is enough "
            "(start mongod with --replSet, then rs.initiate())"
        )


def _raise_known_fault(seen: TopologyDescription) -> None:
    """Raise a StartupError if a server did respond but the driver could not use it."""
    kinds = {server.server_type_name for server in seen.server_descriptions().values()}
    if "RSGhost" in kinds:
        raise StartupError(_NOT_INITIATED)
    if seen.replica_set_name and not kinds:  # the driver drops servers that belong to another set
        raise StartupError(_ANOTHER_SET.format(name=seen.replica_set_name))


def _collection(client: "AsyncIOMotorClient[dict[str, Any]]", database: str, name: str) -> Collection:
    options: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, type_registry=DECIMALS)
    return client[database].get_collection(name, codec_options=options, write_concern=_DURABLE)


def sibling_collection(collection: Collection, name: str) -> Collection:
    """Another collection of the same database, with the same options."""
    return collection.database.get_collection(
        name, codec_options=collection.codec_options, write_concern=collection.write_concern
    )


def acknowledged_by_primary(collection: Collection) -> Collection:
    """The collection with writes that the primary alone acknowledges, for what a failover may lose."""
    return collection.with_options(write_concern=WriteConcern(w=1, j=False))  # pyright: ignore[reportUnknownMemberType] - its codec's type


def index_creation_timeout() -> AbstractContextManager[object]:
    """A longer time limit for the creation of indexes.

    MongoDB drops an index whose creation is interrupted, so with the usual limit no start might ever succeed.
    """
    return timeout(_INDEX_CREATION_LIMIT.total_seconds())


async def in_transaction(collection: Collection, body: Callable[[Session], Coroutine[Any, Any, T]]) -> T:
    """Run `body` in a transaction that a majority acknowledges, and repeat it if it conflicts with another one.

    Raises the driver's errors.
    """
    async with await collection.database.client.start_session() as session:
        return await session.with_transaction(body, write_concern=collection.write_concern)


async def bulk_update(
    collection: Collection, updates: Sequence[UpdateOne], session: Session | None = None
) -> BulkWriteResult:
    """Send independent updates as one unordered command. Raises the driver's errors."""
    return await collection.bulk_write(updates, ordered=False, session=session)  # pyright: ignore[reportUnknownMemberType] - its `let`


async def check_transactions(collection: Collection) -> None:
    """Insert and delete a document in a transaction that a majority acknowledges.

    Raises:
        DatabaseUnavailable: it failed.
    """
    probe = collection.database["doctor"]
    with mongo_errors():
        async with (
            await collection.database.client.start_session() as session,
            session.start_transaction(write_concern=_DURABLE),
        ):
            made = await probe.insert_one({"by": "imagegen doctor"}, session=session)
            await probe.delete_one({"_id": made.inserted_id}, session=session)
        await probe.drop()


def linearizable(collection: Collection) -> Collection:
    """The collection with reads that see only what a majority has journaled, so what they find is safe."""
    return collection.with_options(read_concern=ReadConcern("linearizable"))  # pyright: ignore[reportUnknownMemberType] - its codec's type
