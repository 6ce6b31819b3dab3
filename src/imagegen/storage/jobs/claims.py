"""Taking leases, in batches."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from pymongo import ReturnDocument, UpdateOne

from imagegen.jobs import Job, JobStatus
from imagegen.storage.batching import Batcher
from imagegen.storage.errors import mongo_errors
from imagegen.storage.expressions import from_now
from imagegen.storage.jobs.documents import Document, from_document
from imagegen.storage.jobs.leases import LEASE_EXPIRED, UNFINISHED
from imagegen.storage.mongodb import Collection, bulk_update


@dataclass(frozen=True, slots=True)
class _Claim:
    job_id: str
    runner: str
    lease: timedelta

    @property
    def condition(self) -> Document:
        return {"_id": self.job_id, **UNFINISHED, **LEASE_EXPIRED}

    def update(self, mark: str | None) -> Sequence[Document]:
        taken = {
            "lease.mark": mark,
            "lease.runner": self.runner,
            "lease.epoch": {"$add": ["$lease.epoch", 1]},
            "lease.taken": {"$add": ["$lease.taken", 1]},
            "lease.until": from_now(self.lease),
            "status": JobStatus.RUNNING.value,
            "startedAt": {"$ifNull": ["$startedAt", "$$NOW"]},
            "version": {"$add": ["$version", 1]},
        }
        return [{"$set": taken}]


class Claims:
    """Takes the leases of unfinished jobs. `collection` is that of the jobs."""

    def __init__(self, collection: Collection) -> None:
        self._jobs = collection
        self._claims = Batcher[_Claim, Job | None](self._claim)

    async def claim(self, job_id: str, runner: str, lease: timedelta) -> Job | None:
        """Take the lease of an unfinished job; None if a runner holds it, or the job is finished or unknown."""
        return await self._claims.submit(_Claim(job_id, runner, lease))

    async def _claim(self, claims: Sequence[_Claim]) -> Sequence[Job | None]:
        with mongo_errors():
            return await (self._claim_together(claims) if len(claims) > 1 else self._claim_alone(claims[0]))

    async def _claim_together(self, claims: Sequence[_Claim]) -> Sequence[Job | None]:
        """Take all leases with one command. Each leaves a mark of its own, which a second command reads."""
        marks = [secrets.token_hex(8) for _ in claims]
        marked = zip(claims, marks, strict=True)
        await bulk_update(self._jobs, [UpdateOne(claim.condition, claim.update(mark)) for claim, mark in marked])
        wanted = {"_id": {"$in": [claim.job_id for claim in claims]}, "lease.mark": {"$in": marks}}
        taken = {document["lease"]["mark"]: document async for document in self._jobs.find(wanted)}
        return [from_document(taken[mark]) if mark in taken else None for mark in marks]

    async def _claim_alone(self, claim: _Claim) -> Sequence[Job | None]:
        document = await self._jobs.find_one_and_update(
            claim.condition, claim.update(None), return_document=ReturnDocument.AFTER
        )
        found = cast("dict[str, Any] | None", document)  # Motor's stub claims that it never returns None; it does
        return [from_document(found) if found is not None else None]
