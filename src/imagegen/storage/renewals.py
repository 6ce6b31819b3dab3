"""Renewing leases in rounds: a process with thousands of jobs in flight renews hundreds of leases a second."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast

from pymongo import UpdateOne

from imagegen.errors import StaleJob
from imagegen.jobs import Job
from imagegen.storage.answers import answers
from imagegen.storage.job_documents import Document
from imagegen.storage.leases import from_now, held
from imagegen.storage.mongodb import Collection, update_all
from imagegen.storage.rounds import Rounds

WISH: Final = {"cancelRequestedAt": 1}
_Answer = datetime | None | Exception


@dataclass(frozen=True, slots=True)
class _Renewal:
    job: Job
    lease: timedelta

    @property
    def longer(self) -> Sequence[Document]:
        return [{"$set": {"lease.until": from_now(self.lease)}}]


class Renewals:
    """Prolongs leases, and brings back the wish to cancel. `collection` is that of the jobs."""

    def __init__(self, collection: Collection) -> None:
        self._jobs = collection
        self._renewals = Rounds[_Renewal, datetime | None](self._renew)

    async def renew(self, job: Job, lease: timedelta) -> datetime | None:
        """Prolong a lease; StaleJob if it has passed to somebody else.

        Returns:
            Since when the job is wished to be cancelled.
        """
        return await self._renewals.ask(_Renewal(job, lease))

    async def _renew(self, renewals: Sequence[_Renewal]) -> Sequence[_Answer]:
        """Prolong all with one command and read the wishes with another; where one came too late, each goes alone."""
        with answers():
            if len(renewals) > 1 and await self._are_all_prolonged(renewals):
                wishes = await self._wishes([renewal.job.id for renewal in renewals])
                return [wishes.get(renewal.job.id) for renewal in renewals]
            return [await self._renew_alone(renewal) for renewal in renewals]

    async def _are_all_prolonged(self, renewals: Sequence[_Renewal]) -> bool:
        updates = [UpdateOne(held(renewal.job), renewal.longer) for renewal in renewals]
        return (await update_all(self._jobs, updates)).matched_count == len(renewals)

    async def _wishes(self, job_ids: Sequence[str]) -> dict[str, datetime]:
        wished = {"_id": {"$in": list(job_ids)}, "cancelRequestedAt": {"$ne": None}}
        return {found["_id"]: found["cancelRequestedAt"] async for found in self._jobs.find(wished, WISH)}

    async def _renew_alone(self, renewal: _Renewal) -> _Answer:
        document = await self._jobs.find_one_and_update(held(renewal.job), renewal.longer, projection=WISH)
        found = cast("dict[str, Any] | None", document)  # Motor's stub says that it never returns None; it does
        return StaleJob(renewal.job.id) if found is None else found.get("cancelRequestedAt")
