"""Jobs in MongoDB: accepted, read, leased and moved.

Every move is one compare-and-set: it names the version (and the lease epoch) that it started from and changes nothing
if somebody else was faster. The last one is counted in the usage, in one transaction.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Final

from pymongo import DESCENDING, timeout
from pymongo.errors import DuplicateKeyError

from imagegen.errors import JobDeleted, JobNotFound, RequestOwned, StaleJob
from imagegen.jobs import Idempotency, Job, JobStatus
from imagegen.settings import MongoSettings
from imagegen.storage.acceptance import Acceptance
from imagegen.storage.account_pauses import AccountPauses
from imagegen.storage.answers import answers
from imagegen.storage.batches import Batches
from imagegen.storage.claims import Claims
from imagegen.storage.deliveries import Deliveries
from imagegen.storage.job_documents import Document, from_document, moving_part
from imagegen.storage.job_indexes import INDEXES
from imagegen.storage.job_lists import JobFilter, JobPage, query
from imagegen.storage.late_ids import LateIds
from imagegen.storage.leases import WANTS_A_RUNNER, held
from imagegen.storage.mongodb import Collection, beside, open_collection, prove_transactions
from imagegen.storage.moves import Move, Moves
from imagegen.storage.places_at_fal import NO_SLOT, free_slot
from imagegen.storage.queue_users import QueueUsers
from imagegen.storage.queueing import Queueing
from imagegen.storage.removals import Removals
from imagegen.storage.renewals import WISH, Renewals
from imagegen.storage.rounds import Rounds
from imagegen.storage.standings import Standings
from imagegen.storage.unit_prices import UnitPrices
from imagegen.storage.usage import Usage

_PATIENCE: Final = timedelta(seconds=5)
_MAKING_INDEXES: Final = timedelta(hours=1)  # cut short, MongoDB drops a half made one, so that no start would succeed


class Jobs:
    """The verbs that jobs are kept with.

    Attributes:
        usage: what ended jobs come to; kept beside them, for it changes in the same transactions.
        unit_prices: fal's, as last read.
        account_pauses: since when fal refuses the account, for all processes.
        batches: jobs that were asked for together; stored in one transaction with them.
        queue_users: which queue the living processes use.
        deliveries: what is owed to callers' webhooks; recorded in the transactions that end their jobs.
        late_ids: the ids of requests that came late, and the jobs that miss one.
        queueing: which jobs wait without a message, and how crowded it is for a user.
        standings: how the unfinished jobs stand.
        removals: what deleted and ended jobs still have in the bucket.
    """

    def __init__(self, collection: Collection) -> None:
        self._jobs = collection
        self.usage = Usage(beside(collection, "usage"), collection)
        self.unit_prices = UnitPrices(beside(collection, "unitPrices"))
        self.account_pauses = AccountPauses(beside(collection, "accountPauses"))
        self.batches = Batches(beside(collection, "batches"), collection)
        self.queue_users = QueueUsers(beside(collection, "queueUsers"))
        self.deliveries = Deliveries(beside(collection, "deliveries"))
        self._acceptance = Acceptance(collection)
        self._moves = Moves(collection, self.usage, self.deliveries)
        self._claims = Claims(collection)
        self._renewals = Renewals(collection)
        self._reads = Rounds[str, dict[str, Any] | None](self._read)
        self.late_ids = LateIds(collection, self.usage)
        self.queueing = Queueing(collection)
        self.removals = Removals(collection)
        self.standings = Standings(collection)

    async def check(self) -> None:
        """Raise DatabaseUnavailable unless MongoDB answers."""
        with answers():
            await self._jobs.database.command("ping")

    async def prove(self) -> None:
        """Write and delete a document in a transaction, which a majority acknowledges: what accepting a job needs."""
        await prove_transactions(self._jobs)

    async def ensure_indexes(self) -> None:
        """Make the indexes that every list, the audit and idempotency rely on."""
        with answers():
            await self._jobs.create_indexes(list(INDEXES))
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
        return await self._acceptance.insert(job)

    async def get(self, job_id: str) -> Job:
        """Read one job; JobNotFound if there is none, JobDeleted if all that is left is its tombstone."""
        document = await self._reads.ask(job_id)
        if document is None:
            raise JobNotFound(job_id)
        job = from_document(document)
        if job.deletion is not None:
            raise JobDeleted(job_id, job.user_id)
        return job

    async def _read(self, job_ids: Sequence[str]) -> Sequence[dict[str, Any] | None]:
        with answers():
            found = await self._jobs.find({"_id": {"$in": list(job_ids)}}).to_list(length=len(job_ids))
        documents = {document["_id"]: document for document in found}
        return [documents.get(job_id) for job_id in job_ids]

    async def made_by(self, key: Idempotency, since: datetime) -> Job | None:
        """The job, or the tombstone, that a request with this idempotency key has made since then."""
        return await self._acceptance.made_by(key, since)

    async def is_unfinished(self, job_id: str) -> bool:
        """Whether the job still wants a runner."""
        with answers():
            return await self._jobs.find_one({"_id": job_id, **WANTS_A_RUNNER}, {"_id": 1}) is not None

    async def page(self, wanted: JobFilter, *, limit: int, before: str | None = None) -> JobPage:
        """List jobs, newest first, `limit` at most, from below the id `before`."""
        with answers():
            cursor = self._jobs.find(query(wanted, before)).sort("_id", DESCENDING).limit(limit + 1)
            documents = await cursor.to_list(length=limit + 1)
        jobs = tuple(from_document(document) for document in documents[:limit])
        return JobPage(jobs=jobs, next_before=jobs[-1].id if len(documents) > limit else None)

    async def claim(self, job_id: str, runner: str, lease: timedelta) -> Job | None:
        """Take the lease of an unfinished job that nobody holds; None if it is held, finished or unknown."""
        return await self._claims.claim(job_id, runner, lease)

    async def renew(self, job: Job, lease: timedelta) -> datetime | None:
        """Prolong the lease; StaleJob if it has passed to somebody else.

        Returns:
            Since when the job is wished to be cancelled.
        """
        return await self._renewals.renew(job, lease)

    async def hand_back(self, job: Job) -> None:
        """Give the lease up cleanly, so that anyone may take the job from where it is."""
        free = {"lease.runner": None, "lease.until": None, "lease.taken": 0}
        with answers():
            await self._jobs.update_one(held(job), {"$set": free})

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
            return await self._store(job, {"$set": changes} if job.is_open_at_fal else {"$set": changes, **NO_SLOT})
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
        while (slot := await free_slot(self._jobs, bound)) is not None:
            try:
                return await self._store(job, {"$set": {**moving_part(job), "falSlot": slot}})
            except DuplicateKeyError:
                continue  # another process took this number just now
        return None

    async def _store(self, job: Job, update: Document) -> Job:
        move = Move(job, {**held(job), "version": job.version - 1}, update)
        if not await self._moves.store(move) and not await self._is_stored(job):
            raise StaleJob(job.id)
        return job

    async def wish_cancelled(self, job_id: str) -> bool:
        """Note the wish to cancel a running job, whoever holds it; False if it is not running. Repeatable."""
        wish = {"cancelRequestedAt": {"$ifNull": ["$cancelRequestedAt", "$$NOW"]}}
        running = {"_id": job_id, "status": JobStatus.RUNNING.value}
        with answers():
            return (await self._jobs.update_one(running, [{"$set": wish}])).matched_count == 1

    async def wish(self, job_id: str) -> datetime | None:
        """Since when the job is wished to be cancelled."""
        with answers():
            found = await self._jobs.find_one({"_id": job_id}, WISH)
        return found.get("cancelRequestedAt") if found else None

    async def _is_stored(self, job: Job) -> bool:
        with answers():
            same = {"_id": job.id, "version": job.version, "lease.epoch": job.lease.epoch}
            same |= {"lease.runner": job.lease.runner, "status": job.status.value}
            # A late id makes the same version, under the same lease.
            request = job.submission.request
            same |= {"submission.state": job.submission.state.value}
            same |= {"submission.request.requestId": request.request_id if request else None}
            return await self._jobs.find_one(same, {"_id": 1}) is not None


@asynccontextmanager
async def open_jobs(settings: MongoSettings, patience: timedelta = _PATIENCE) -> AsyncGenerator[Jobs]:
    """Connect, make the indexes, yield the jobs; see `open_collection`."""
    async with open_collection(settings, "jobs", patience) as collection:
        jobs = Jobs(collection)
        with timeout(_MAKING_INDEXES.total_seconds()):
            await jobs.ensure_indexes()
        yield jobs
