"""Fingerprints of jobs whose outcome was not delivered yet. By them a repeat without a mark finds the job."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast

from pymongo import ASCENDING, DESCENDING, IndexModel, ReturnDocument

from imagegen.jobs import Fingerprint, Job
from imagegen.storage.batching import Batcher
from imagegen.storage.errors import mongo_errors
from imagegen.storage.jobs.documents import Document, from_document
from imagegen.storage.mongodb import Collection

_DIGEST: Final = "fingerprint.digest"
_HAS_ONE: Final = {"fingerprint": {"$exists": True}}  # without it, MongoDB would not use the partial index
_MOST: Final = 100
FINGERPRINT_INDEX: Final = IndexModel(
    [(_DIGEST, ASCENDING), ("_id", DESCENDING)], name="fingerprint", partialFilterExpression=_HAS_ONE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Undelivered:
    """A job whose outcome was not delivered, as far as is stored."""

    job_id: str
    waiter: str


class Fingerprints:
    """The fingerprints in the collection of jobs. A new job is inserted with its own."""

    def __init__(self, collection: Collection) -> None:
        self._jobs = collection
        self._erasures = Batcher[Fingerprint, None](self._erase)

    async def find(self, digest: str, since: datetime) -> Sequence[Undelivered]:
        """The undelivered jobs with this fingerprint that were created since then, oldest first."""
        wanted = {**_HAS_ONE, _DIGEST: digest, "createdAt": {"$gte": since}}
        with mongo_errors():
            found = self._jobs.find(wanted, {"fingerprint.waiter": 1}).sort("_id", ASCENDING).limit(_MOST)
            return [Undelivered(job_id=each["_id"], waiter=each["fingerprint"]["waiter"]) async for each in found]

    async def attach(self, job: Undelivered, own: Fingerprint) -> Job | None:
        """Wait for a job in place of its waiter; None if the job was delivered, deleted, or has another waiter now."""
        before = {"_id": job.job_id, _DIGEST: own.digest, "fingerprint.waiter": job.waiter}
        with mongo_errors():
            document = await self._jobs.find_one_and_update(
                before, {"$set": {"fingerprint.waiter": own.waiter}}, return_document=ReturnDocument.AFTER
            )
        found = cast("Document | None", document)  # Motor's stub claims that it never returns None; it does
        return None if found is None else from_document(found)

    async def erase(self, own: Fingerprint) -> None:
        """Erase the fingerprint of the job that this waiter has waited for: its outcome was delivered."""
        await self._erasures.submit(own)

    async def _erase(self, delivered: Sequence[Fingerprint]) -> Sequence[None]:
        waiters = [each.waiter for each in delivered]
        digests = [*{each.digest for each in delivered}]
        with mongo_errors():
            await self._jobs.update_many(
                {**_HAS_ONE, _DIGEST: {"$in": digests}, "fingerprint.waiter": {"$in": waiters}},
                {"$unset": {"fingerprint": ""}},
            )
        return [None] * len(delivered)
