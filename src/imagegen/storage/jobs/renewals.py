"""Renewing leases, in batches: a process with thousands of jobs in flight renews hundreds of leases a second."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast

from pymongo import UpdateOne

from imagegen.errors import StaleJob
from imagegen.jobs import Job
from imagegen.storage.batching import Batcher
from imagegen.storage.errors import mongo_errors
from imagegen.storage.expressions import from_now
from imagegen.storage.jobs.documents import Document
from imagegen.storage.jobs.leases import holds_lease
from imagegen.storage.mongodb import Collection, bulk_update

CANCEL_REQUESTED_AT: Final = {"cancelRequestedAt": 1}
_Result = datetime | None | Exception


@dataclass(frozen=True, slots=True)
class _Renewal:
    job: Job
    lease: timedelta

    @property
    def update(self) -> Sequence[Document]:
        return [{"$set": {"lease.until": from_now(self.lease)}}]


class Renewals:
    """Renews leases, and reads whether a cancellation was requested. `collection` is that of the jobs."""

    def __init__(self, collection: Collection) -> None:
        self._jobs = collection
        self._renewals = Batcher[_Renewal, datetime | None](self._renew)

    async def renew(self, job: Job, lease: timedelta) -> datetime | None:
        """Renew a lease.

        Returns:
            When the job's cancellation was requested; None if it was not.

        Raises:
            StaleJob: another runner has taken the lease, or the job has ended.
        """
        return await self._renewals.submit(_Renewal(job, lease))

    async def _renew(self, renewals: Sequence[_Renewal]) -> Sequence[_Result]:
        """Renew all with one command and read cancel requests with another; if one came too late, each runs alone."""
        with mongo_errors():
            if len(renewals) > 1 and await self._all_renewed(renewals):
                requested = await self._cancel_requests([renewal.job.id for renewal in renewals])
                return [requested.get(renewal.job.id) for renewal in renewals]
            return [await self._renew_alone(renewal) for renewal in renewals]

    async def _all_renewed(self, renewals: Sequence[_Renewal]) -> bool:
        updates = [UpdateOne(holds_lease(renewal.job), renewal.update) for renewal in renewals]
        return (await bulk_update(self._jobs, updates)).matched_count == len(renewals)

    async def _cancel_requests(self, job_ids: Sequence[str]) -> dict[str, datetime]:
        requested = {"_id": {"$in": list(job_ids)}, "cancelRequestedAt": {"$ne": None}}
        return {
            found["_id"]: found["cancelRequestedAt"] async for found in self._jobs.find(requested, CANCEL_REQUESTED_AT)
        }

    async def _renew_alone(self, renewal: _Renewal) -> _Result:
        document = await self._jobs.find_one_and_update(
            holds_lease(renewal.job), renewal.update, projection=CANCEL_REQUESTED_AT
        )
        found = cast("dict[str, Any] | None", document)  # Motor's stub claims that it never returns None; it does
        return StaleJob(renewal.job.id) if found is None else found.get("cancelRequestedAt")
