"""Taking leases in rounds."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from pymongo import ReturnDocument, UpdateOne

from imagegen.jobs import Job, JobStatus
from imagegen.storage.answers import answers
from imagegen.storage.job_documents import Document, from_document
from imagegen.storage.leases import NO_LIVE_LEASE, WANTS_A_RUNNER, from_now
from imagegen.storage.mongodb import Collection, update_all
from imagegen.storage.rounds import Rounds


@dataclass(frozen=True, slots=True)
class _Claim:
    job_id: str
    runner: str
    lease: timedelta

    @property
    def claimable(self) -> Document:
        return {"_id": self.job_id, **WANTS_A_RUNNER, **NO_LIVE_LEASE}

    def taking(self, mark: str | None) -> Sequence[Document]:
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
    """Takes the leases of jobs that nobody holds. `collection` is that of the jobs."""

    def __init__(self, collection: Collection) -> None:
        self._jobs = collection
        self._claims = Rounds[_Claim, Job | None](self._claim)

    async def claim(self, job_id: str, runner: str, lease: timedelta) -> Job | None:
        """Take the lease of an unfinished job that nobody holds; None if it is held, finished or unknown."""
        return await self._claims.ask(_Claim(job_id, runner, lease))

    async def _claim(self, claims: Sequence[_Claim]) -> Sequence[Job | None]:
        with answers():
            return await (self._claim_together(claims) if len(claims) > 1 else self._claim_alone(claims[0]))

    async def _claim_together(self, claims: Sequence[_Claim]) -> Sequence[Job | None]:
        """Take all with one command, and read with another which of them took something: each leaves its own mark."""
        marks = [secrets.token_hex(8) for _ in claims]
        marked = zip(claims, marks, strict=True)
        await update_all(self._jobs, [UpdateOne(claim.claimable, claim.taking(mark)) for claim, mark in marked])
        wanted = {"_id": {"$in": [claim.job_id for claim in claims]}, "lease.mark": {"$in": marks}}
        taken = {document["lease"]["mark"]: document async for document in self._jobs.find(wanted)}
        return [from_document(taken[mark]) if mark in taken else None for mark in marks]

    async def _claim_alone(self, claim: _Claim) -> Sequence[Job | None]:
        document = await self._jobs.find_one_and_update(
            claim.claimable, claim.taking(None), return_document=ReturnDocument.AFTER
        )
        found = cast("dict[str, Any] | None", document)  # Motor's stub says that it never returns None; it does
        return [from_document(found) if found is not None else None]
