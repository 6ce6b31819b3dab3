"""Jobs in MongoDB: the only file that names Motor.

Every move is one compare-and-set: it names the version (and the lease epoch) that it started from and changes nothing
if somebody else was faster. The last one is counted in the usage, in one transaction. Writes are acknowledged by a
majority and journaled; leases run on the database's clock.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from bson.codec_options import CodecOptions
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorClientSession, AsyncIOMotorCollection
from pymongo import ASCENDING, DESCENDING, IndexModel, ReturnDocument, WriteConcern
from pymongo.errors import ConfigurationError, DuplicateKeyError, ServerSelectionTimeoutError
from pymongo.read_concern import ReadConcern

from imagegen.errors import DatabaseUnavailable, JobDeleted, JobNotFound, RequestOwned, StaleJob, StartupError
from imagegen.jobs import Idempotency, Job, JobStatus, Priority, SubmissionState, first_job_id_at
from imagegen.settings import MongoSettings
from imagegen.storage.answers import answers as _answers
from imagegen.storage.batches import Batches
from imagegen.storage.deliveries import Deliveries
from imagegen.storage.job_documents import (
    DECIMALS,
    Document,
    from_document,
    moving_part,
    to_document,
    tombstone,
)
from imagegen.storage.queue_users import QueueUsers
from imagegen.storage.unit_prices import UnitPrices
from imagegen.storage.usage import Usage

Collection: TypeAlias = "AsyncIOMotorCollection[dict[str, Any]]"
Session: TypeAlias = AsyncIOMotorClientSession
IDEMPOTENCY_KEPT: Final = timedelta(hours=24)
_PATIENCE: Final = timedelta(seconds=5)
_UNFINISHED: Final = (JobStatus.QUEUED.value, JobStatus.RUNNING.value)
_WANTS_A_RUNNER: Final = {"status": {"$in": list(_UNFINISHED)}}
_NO_LIVE_LEASE: Final = {"$or": [{"lease.until": None}, {"$expr": {"$lte": ["$lease.until", "$$NOW"]}}]}
_HAS_A_SLOT: Final = {"falSlot": {"$exists": True}}
_OPEN_AT_FAL: Final = {
    "status": JobStatus.RUNNING.value,
    "submission.state": {"$in": [state.value for state in SubmissionState if state is not SubmissionState.NONE]},
    "result": None,
}
_NO_SLOT: Final = {"$unset": {"falSlot": ""}}
_WAITING_FIELDS: Final = {
    "userId": 1,
    "priority": 1,
    "generation": 1,
    "submission.state": 1,
    "resolved": {"$ne": [{"$ifNull": ["$result", None]}, None]},
}
_INDEXES: Final = (
    *(
        IndexModel([*((name, ASCENDING) for name in names), ("_id", DESCENDING)])
        for names in (("userId",), ("userId", "status"), ("userId", "model"), ("status",), ("model",))
    ),
    IndexModel(
        [("idempotency.caller", ASCENDING), ("idempotency.route", ASCENDING), ("idempotency.key", ASCENDING)],
        name="idempotency",
        unique=True,
        partialFilterExpression={"idempotency": {"$exists": True}},
    ),
    IndexModel(
        [("submission.request.requestId", ASCENDING)],
        name="requestId",
        unique=True,
        partialFilterExpression={"submission.request.requestId": {"$exists": True}},
    ),
    IndexModel([("falSlot", ASCENDING)], name="falSlot", unique=True, partialFilterExpression=_HAS_A_SLOT),
    IndexModel(
        [("submission.state", ASCENDING), ("falSlot", ASCENDING)],
        name="openAtFal",
        partialFilterExpression={"status": JobStatus.RUNNING.value},
    ),
    IndexModel(
        [("userId", ASCENDING), ("priority", ASCENDING)],
        name="queuedOfUser",
        partialFilterExpression={"status": JobStatus.QUEUED.value},
    ),
    IndexModel([("inputKeys", ASCENDING)]),
    IndexModel([("clearAt", ASCENDING)], partialFilterExpression={"clearAt": {"$type": "date"}}),
    IndexModel([("deletion.dueAt", ASCENDING)], partialFilterExpression={"deletion.dueAt": {"$type": "date"}}),
)
_LOST: Final = {"$in": [SubmissionState.SUBMITTING.value, SubmissionState.UNKNOWN.value]}
_WISH: Final = {"cancelRequestedAt": 1}


class AcceptanceUnknown(DatabaseUnavailable):
    """MongoDB broke off during an insert: the job may exist. `job_id` tells where to look."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"broke off while job {job_id} was being stored")
        self.job_id = job_id


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """What a list of jobs is narrowed to; None means any. The times are of creation, `to` exclusive.

    `user_ids` asks for the jobs of any of these users; `user_id`, if given, decides alone.
    """

    user_id: str | None = None
    user_ids: tuple[str, ...] | None = None
    status: JobStatus | None = None
    type: str | None = None
    model: str | None = None
    batch_id: str | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPage:
    """One page of jobs, newest first; `next_before` is the id to go on from, None on the last page."""

    jobs: Sequence[Job] = field(default=())
    next_before: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What the audit has to know of an unfinished job that nobody holds.

    Attributes:
        was_sent: fal has its request, or may have it.
        is_open_at_fal: the same, and what came of it is not recorded yet.
    """

    id: str
    user_id: str
    priority: Priority
    generation: int
    was_sent: bool
    is_open_at_fal: bool


class Jobs:
    """The verbs that jobs are kept with.

    Attributes:
        usage: what ended jobs come to; kept beside them, for it changes in the same transactions.
        unit_prices: fal's, as last read.
        batches: jobs that were asked for together; stored in one transaction with them.
        queue_users: which queue the living processes use.
        deliveries: what is owed to callers' webhooks; recorded in the transactions that end their jobs.
    """

    def __init__(self, collection: Collection) -> None:
        self._jobs = collection
        self.usage = Usage(_beside(collection, "usage"), collection)
        self.unit_prices = UnitPrices(_beside(collection, "unitPrices"))
        self.batches = Batches(_beside(collection, "batches"), collection)
        self.queue_users = QueueUsers(_beside(collection, "queueUsers"))
        self.deliveries = Deliveries(_beside(collection, "deliveries"))

    async def check(self) -> None:
        """Raise DatabaseUnavailable unless MongoDB answers."""
        with _answers():
            await self._jobs.database.command("ping")

    async def prove(self) -> None:
        """Write and delete a document in a transaction, which a majority acknowledges: what accepting a job needs."""
        durable = WriteConcern(w="majority", j=True)
        probe = self._jobs.database["doctor"]
        with _answers():
            async with (
                await self._jobs.database.client.start_session() as session,
                session.start_transaction(write_concern=durable),
            ):
                made = await probe.insert_one({"by": "imagegen doctor"}, session=session)
                await probe.delete_one({"_id": made.inserted_id}, session=session)
            await probe.drop()

    async def ensure_indexes(self) -> None:
        """Make the indexes that every list, the audit and idempotency rely on."""
        with _answers():
            await self._jobs.create_indexes(list(_INDEXES))
        await self.usage.ensure_indexes()
        await self.deliveries.ensure_indexes()
        await self.batches.ensure_indexes()

    async def insert(self, job: Job) -> tuple[Job, bool]:
        """Store a new job, or find the one that its idempotency key already made.

        Returns:
            The stored job, and whether it was there before.

        Raises:
            DatabaseUnavailable: nothing was stored.
            AcceptanceUnknown: MongoDB broke off and cannot be asked whether the job is stored.
        """
        try:
            with _answers():
                await self._jobs.insert_one(dict(to_document(job)))
        except DuplicateKeyError:
            return await self._known(job)
        except DatabaseUnavailable as error:
            if isinstance(error.__cause__, ServerSelectionTimeoutError):
                raise
            return await self._after_a_broken_insert(job), False
        return job, False

    async def _after_a_broken_insert(self, job: Job) -> Job:
        """Look for it. A linearizable read sees only what a majority has journaled, so what it finds is safe."""
        safe = Jobs(self._jobs.with_options(read_concern=ReadConcern("linearizable")))  # pyright: ignore[reportUnknownMemberType] - its codec's type
        try:
            return await safe.get(job.id)
        except (DatabaseUnavailable, JobNotFound) as error:
            raise AcceptanceUnknown(job.id) from error

    async def _known(self, job: Job) -> tuple[Job, bool]:
        """The job that already owns this idempotency key; one older than a day gives it up to the new job."""
        assert job.idempotency is not None
        key = _idempotency_filter(job.idempotency)
        with _answers():
            document = await self._jobs.find_one(key)
            if document is not None and document["createdAt"] > job.created_at - IDEMPOTENCY_KEPT:
                return from_document(document), True
            if document is not None:
                same = {"_id": document["_id"], **key}
                await self._jobs.update_one(same, {"$unset": {"idempotency": ""}})
        return await self.insert(job)

    async def get(self, job_id: str) -> Job:
        """Read one job; JobNotFound if there is none, JobDeleted if all that is left is its tombstone."""
        with _answers():
            document = await self._jobs.find_one({"_id": job_id})
        if document is None:
            raise JobNotFound(job_id)
        job = from_document(document)
        if job.deletion is not None:
            raise JobDeleted(job_id, job.user_id)
        return job

    async def made_by(self, key: Idempotency, since: datetime) -> Job | None:
        """The job, or the tombstone, that a request with this idempotency key has made since then."""
        with _answers():
            document = await self._jobs.find_one({**_idempotency_filter(key), "createdAt": {"$gt": since}})
        return None if document is None else from_document(document)

    async def is_unfinished(self, job_id: str) -> bool:
        """Whether the job still wants a runner."""
        with _answers():
            return await self._jobs.find_one({"_id": job_id, **_WANTS_A_RUNNER}, {"_id": 1}) is not None

    async def page(self, wanted: JobFilter, *, limit: int, before: str | None = None) -> JobPage:
        """List jobs, newest first, `limit` at most, from below the id `before`."""
        with _answers():
            cursor = self._jobs.find(_query(wanted, before)).sort("_id", DESCENDING).limit(limit + 1)
            documents = await cursor.to_list(length=limit + 1)
        jobs = tuple(from_document(document) for document in documents[:limit])
        return JobPage(jobs=jobs, next_before=jobs[-1].id if len(documents) > limit else None)

    async def claim(self, job_id: str, runner: str, lease: timedelta) -> Job | None:
        """Take the lease of an unfinished job that nobody holds; None if it is held, finished or unknown."""
        taken = {
            "lease.runner": runner,
            "lease.epoch": {"$add": ["$lease.epoch", 1]},
            "lease.taken": {"$add": ["$lease.taken", 1]},
            "lease.until": _from_now(lease),
            "status": JobStatus.RUNNING.value,
            "startedAt": {"$ifNull": ["$startedAt", "$$NOW"]},
            "version": {"$add": ["$version", 1]},
        }
        claimable = {"_id": job_id, **_WANTS_A_RUNNER, **_NO_LIVE_LEASE}
        with _answers():
            claimed = await self._jobs.find_one_and_update(
                claimable, [{"$set": taken}], return_document=ReturnDocument.AFTER
            )
        document = _or_none(claimed)
        return None if document is None else from_document(document)

    async def renew(self, job: Job, lease: timedelta) -> datetime | None:
        """Prolong the lease; StaleJob if it has passed to somebody else.

        Returns:
            Since when the job is wished to be cancelled.
        """
        longer = [{"$set": {"lease.until": _from_now(lease)}}]
        with _answers():
            found = _or_none(await self._jobs.find_one_and_update(_held(job), longer, projection=_WISH))
        if found is None:
            raise StaleJob(job.id)
        return found.get("cancelRequestedAt")

    async def hand_back(self, job: Job) -> None:
        """Give the lease up cleanly, so that anyone may take the job from where it is."""
        free = {"lease.runner": None, "lease.until": None, "lease.taken": 0}
        with _answers():
            await self._jobs.update_one(_held(job), {"$set": free})

    async def save(self, job: Job) -> Job:
        """Store a move if the job is still what it was made from; StaleJob if it is not.

        Safe to repeat: a move that was stored although its acknowledgement got lost counts as stored.

        Raises:
            RequestOwned: it carries the id of a request that another job has.
        """
        changes: Document = {**moving_part(job), "lease.taken": 1}  # who got this far has not crashed over it
        if job.status.is_final:
            changes["lease.until"] = None
            changes["clearAt"] = job.completed_at if job.may_have_leftovers else None
        try:
            return await self._store(job, {"$set": changes} if job.is_open_at_fal else {"$set": changes, **_NO_SLOT})
        except DuplicateKeyError as error:
            raise RequestOwned(job.id) from error

    async def save_intent(self, job: Job, bound: int) -> Job | None:
        """Store the intent to submit, if fewer than `bound` requests of all processes are open at fal.

        The intent and the place among the open requests are one write: the job's document holds a number below
        `bound` that no other document has, which a unique index enforces, until its request is no longer open. So
        nothing is counted apart from the jobs, and no crash can leave a place taken.

        Returns:
            The job as stored, None if there is no place; StaleJob as in `save`.
        """
        while (slot := await self._free_slot(bound)) is not None:
            try:
                return await self._store(job, {"$set": {**moving_part(job), "falSlot": slot}})
            except DuplicateKeyError:
                continue  # another process took this number just now
        return None

    async def _free_slot(self, bound: int) -> int | None:
        """A number that no open request has; any of them, so that processes which ask at once seldom collide."""
        with _answers():
            taken = [found.get("falSlot") async for found in self._jobs.find(_OPEN_AT_FAL, {"falSlot": 1})]
        free = set(range(bound)).difference(taken)
        return random.choice(tuple(free)) if len(taken) < bound and free else None  # noqa: S311 - no secret

    async def _store(self, job: Job, update: Document) -> Job:
        before = {**_held(job), "version": job.version - 1}
        write = self._end if job.status.is_final else self._write
        if not await write(job, before, update) and not await self._is_stored(job):
            raise StaleJob(job.id)
        return job

    async def _end(self, job: Job, before: Document, update: Document) -> bool:
        """Store a job's last move, count it in the usage, and record what its webhook is owed.

        All of it, or nothing if the move comes too late.
        """

        async def move(session: Session) -> bool:
            outcome = await self._jobs.update_one(before, update, session=session)
            if outcome.matched_count:
                await self.usage.count(job, session)
                await self.deliveries.record(job, session)
            return outcome.matched_count == 1

        was_stored = await self._together(job, move)
        self.deliveries.news.set()
        return was_stored

    async def _together(self, ended: Job, move: Callable[[Session], Coroutine[Any, Any, bool]]) -> bool:
        """Change a job and the usage in one transaction."""
        with _answers():
            async with self.usage.turn_of(ended), await self._jobs.database.client.start_session() as session:
                return await session.with_transaction(move, write_concern=self._jobs.write_concern)

    async def adopt(self, job: Job) -> None:
        """Store the late id of an unfinished job's request, whoever holds the lease, who then finds it there.

        Raises:
            StaleJob: the job has changed since it was read.
            RequestOwned: another job has this request.
        """
        before: Document = {"_id": job.id, "version": job.version - 1, "status": JobStatus.RUNNING.value}
        try:
            was_stored = await self._write(job, before, {"$set": moving_part(job)})
        except DuplicateKeyError as error:
            raise RequestOwned(job.id) from error
        if not was_stored:
            raise StaleJob(job.id)

    async def revive(self, failed: Job, job: Job) -> None:
        """Store the one move out of an end: a failed job whose request was found after all runs again, held by nobody.

        It is taken out of the usage again, in the same transaction.

        Raises:
            StaleJob: the job has changed since it was read.
            RequestOwned: another job has this request.
        """
        before: Document = {"_id": job.id, "version": failed.version, "status": JobStatus.FAILED.value}
        changes = {**moving_part(job), "lease.runner": None, "lease.until": None, "lease.taken": 0}

        async def move(session: Session) -> bool:
            outcome = await self._jobs.update_one(before, {"$set": changes}, session=session)
            if outcome.matched_count:
                await self.usage.take_back(failed, session)
            return outcome.matched_count == 1

        try:
            was_stored = await self._together(failed, move)
        except DuplicateKeyError as error:
            raise RequestOwned(job.id) from error
        if not was_stored:
            raise StaleJob(job.id)

    async def wish_cancelled(self, job_id: str) -> bool:
        """Note the wish to cancel a running job, whoever holds it; False if it is not running. Repeatable."""
        wish = {"cancelRequestedAt": {"$ifNull": ["$cancelRequestedAt", "$$NOW"]}}
        running = {"_id": job_id, "status": JobStatus.RUNNING.value}
        with _answers():
            return (await self._jobs.update_one(running, [{"$set": wish}])).matched_count == 1

    async def wish(self, job_id: str) -> datetime | None:
        """Since when the job is wished to be cancelled."""
        with _answers():
            found = await self._jobs.find_one({"_id": job_id}, _WISH)
        return found.get("cancelRequestedAt") if found else None

    async def others_like(self, job: Job) -> Sequence[SubmissionState]:
        """How far the other running jobs are that may have sent fal the same request and do not know its id."""
        lost = {"status": JobStatus.RUNNING.value, "submission.state": _LOST, "endpoint": job.endpoint}
        with _answers():
            found = self._jobs.find({**lost, "_id": {"$ne": job.id}})
            others = [from_document(document) async for document in found]
        return [other.submission.state for other in others if other.sent == job.sent]

    async def owned(self, request_ids: Sequence[str]) -> frozenset[str]:
        """Those of fal's request ids that some job has."""
        wanted = {"submission.request.requestId": {"$in": list(request_ids)}}
        with _answers():
            found = self._jobs.find(wanted, {"submission.request.requestId": 1})
            return frozenset([document["submission"]["request"]["requestId"] async for document in found])

    async def _write(self, _job: Job, before: Document, update: Document) -> bool:
        with _answers():
            return (await self._jobs.update_one(before, update)).matched_count == 1

    async def _is_stored(self, job: Job) -> bool:
        with _answers():
            same = {"_id": job.id, "version": job.version, "lease.epoch": job.lease.epoch}
            same |= {"lease.runner": job.lease.runner, "status": job.status.value}
            # A late id makes the same version, under the same lease.
            request = job.submission.request
            same |= {"submission.state": job.submission.state.value}
            same |= {"submission.request.requestId": request.request_id if request else None}
            return await self._jobs.find_one(same, {"_id": 1}) is not None

    async def bury(self, job: Job) -> Job:
        """Store a job's tombstone if the job is still what it was made from; StaleJob if it is not."""
        before = {"_id": job.id, "version": job.version - 1, "status": job.status.value, "deletion": None}
        with _answers():
            outcome = await self._jobs.update_one(before, {"$set": tombstone(job)})
        if outcome.matched_count == 0:
            raise StaleJob(job.id)
        return job

    async def to_erase(self, now: datetime, limit: int) -> Sequence[Job]:
        """Tombstones whose pictures are still to be removed from the bucket."""
        with _answers():
            cursor = self._jobs.find({"deletion.dueAt": {"$type": "date", "$lte": now}}).limit(limit)
            return [from_document(document) for document in await cursor.to_list(length=limit)]

    async def erased(self, job: Job, due_at: datetime | None) -> None:
        """The bucket was cleared of a deleted job; `due_at` says when to look again."""
        with _answers():
            await self._jobs.update_one({"_id": job.id}, {"$set": {"deletion.dueAt": due_at, "deletion.inputKeys": []}})

    async def to_clear(self, now: datetime, limit: int) -> Sequence[Job]:
        """Ended jobs that may have left objects in the bucket which they do not name."""
        with _answers():
            cursor = self._jobs.find({"clearAt": {"$type": "date", "$lte": now}}).limit(limit)
            return [from_document(document) for document in await cursor.to_list(length=limit)]

    async def cleared(self, job: Job, due_at: datetime | None) -> None:
        """The bucket was cleared of what the job does not name; `due_at` says when to look again."""
        with _answers():
            await self._jobs.update_one({"_id": job.id}, {"$set": {"clearAt": due_at}})

    async def uses_input(self, key: str) -> bool:
        """Whether a job that is not deleted refers to this picture of its user's."""
        with _answers():
            return await self._jobs.find_one({"inputKeys": key}, {"_id": 1}) is not None

    async def is_crowded(self, user_id: str, priority: Priority, most: int) -> bool:
        """Whether more than `most` of the user's jobs of this priority wait for their first runner."""
        # A document of an older version has no priority, which reads as normal.
        same = {"priority": priority.value if priority is Priority.LOW else {"$ne": Priority.LOW.value}}
        with _answers():
            return await self._jobs.count_documents({**same, **_queued_of(user_id)}, limit=most + 1) > most

    async def waiting(self, untouched_for: timedelta) -> Sequence[Waiting]:
        """The unfinished jobs that nobody has held for a while: the audit's question."""
        long_ago = {"$subtract": ["$$NOW", _milliseconds(untouched_for)]}
        idle = {
            **_WANTS_A_RUNNER,
            "$expr": {"$lt": [{"$max": ["$lease.until", "$createdAt"]}, long_ago]},
        }
        with _answers():
            return [_waiting(found) async for found in self._jobs.find(idle, _WAITING_FIELDS)]

    async def next_generation(self, job_id: str, generation: int) -> int | None:
        """Count one more publishing of an unfinished job that nobody holds.

        Counts as touching the job, so that no other audit finds it `waiting` before it is published.

        Returns:
            The new generation; None if somebody was faster, or there is no need any more.
        """
        unheld = {"_id": job_id, "generation": generation, **_WANTS_A_RUNNER, **_NO_LIVE_LEASE}
        touched = {"generation": generation + 1, "lease.until": "$$NOW"}
        with _answers():
            outcome = await self._jobs.update_one(unheld, [{"$set": touched}])
        return generation + 1 if outcome.matched_count else None


@asynccontextmanager
async def open_jobs(settings: MongoSettings, patience: timedelta = _PATIENCE) -> AsyncGenerator[Jobs]:
    """Connect, make the indexes, yield the jobs; one client for the life of the process.

    Args:
        settings: with the URL given.
        patience: how long a verb tries, and tries again, before it raises DatabaseUnavailable.
    """
    assert settings.url is not None
    try:
        client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
            settings.url.get_secret_value(),
            tz_aware=True,
            appname="imagegen",
            maxPoolSize=100,
            serverSelectionTimeoutMS=_milliseconds(patience),
            connectTimeoutMS=_milliseconds(patience),
            timeoutMS=_milliseconds(patience),
        )
    except (ConfigurationError, ValueError) as error:
        raise StartupError("MONGODB_URL: expected an address that MongoDB's driver can read") from error
    try:
        await _require_transactions(client)
        jobs = Jobs(_collection(client, settings.database))
        await jobs.ensure_indexes()
        yield jobs
    finally:
        await asyncio.to_thread(client.close)  # it says goodbye to the server, and waits for the answer


async def _require_transactions(client: "AsyncIOMotorClient[dict[str, Any]]") -> None:
    with _answers():
        hello = await client.admin.command("hello")
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        raise StartupError(
            "MONGODB_URL: this MongoDB is a single server, and transactions need a replica set; one member is enough "
            "(start mongod with --replSet, then rs.initiate())"
        )


def _beside(collection: Collection, name: str) -> Collection:
    """Another collection of the same database, read and written in the same way."""
    return collection.database.get_collection(
        name, codec_options=collection.codec_options, write_concern=collection.write_concern
    )


def _collection(client: "AsyncIOMotorClient[dict[str, Any]]", database: str) -> Collection:
    options: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, type_registry=DECIMALS)
    durable = WriteConcern(w="majority", j=True)
    return client[database].get_collection("jobs", codec_options=options, write_concern=durable)


def _or_none(found: dict[str, Any]) -> dict[str, Any] | None:
    """Motor's stub says that find_one_and_update never returns None. It does."""
    return found


def _from_now(lease: timedelta) -> Document:
    return {"$add": ["$$NOW", _milliseconds(lease)]}


def _milliseconds(duration: timedelta) -> int:
    return int(duration.total_seconds() * 1000)


def _held(job: Job) -> Document:
    """The job, if it is unfinished and its lease was neither handed back nor taken since."""
    lease = {"lease.epoch": job.lease.epoch, "lease.runner": job.lease.runner}
    return {"_id": job.id, **lease, "status": {"$in": list(_UNFINISHED)}}


def _queued_of(user_id: str) -> Document:
    return {"userId": user_id, "status": JobStatus.QUEUED.value}


def _waiting(found: Mapping[str, Any]) -> Waiting:
    was_sent = found["submission"]["state"] != SubmissionState.NONE.value
    return Waiting(
        id=found["_id"],
        user_id=found["userId"],
        priority=Priority(found.get("priority", Priority.NORMAL.value)),
        generation=found["generation"],
        was_sent=was_sent,
        is_open_at_fal=was_sent and not found["resolved"],
    )


def _idempotency_filter(key: Idempotency) -> Document:
    """The first condition is what lets MongoDB use the partial index."""
    same = {"idempotency.caller": key.caller, "idempotency.route": key.route, "idempotency.key": key.key}
    return {"idempotency": {"$exists": True}, **same}


def _query(wanted: JobFilter, before: str | None) -> Mapping[str, object]:
    equal = {
        "userId": wanted.user_id,
        "status": wanted.status.value if wanted.status else None,
        "type": wanted.type,
        "model": wanted.model,
        "batchId": wanted.batch_id,
    }
    ids: Document = {}
    if wanted.created_from is not None:
        ids["$gte"] = first_job_id_at(wanted.created_from)
    upper = [first_job_id_at(wanted.created_to)] if wanted.created_to else []
    upper += [before] if before else []
    if upper:
        ids["$lt"] = min(upper)
    query: Document = {name: value for name, value in equal.items() if value is not None}
    if wanted.user_id is None and wanted.user_ids is not None:
        query["userId"] = {"$in": list(wanted.user_ids)}
    query["deletion"] = None
    return {**query, "_id": ids} if ids else query
