"""Ids of fal's requests that arrive late: storing them in their jobs, and telling them from those of other jobs."""

from collections.abc import Sequence
from typing import Final, cast

from pymongo.errors import DuplicateKeyError

from imagegen.errors import RequestOwned, StaleJob
from imagegen.jobs import Job, JobStatus, SubmissionState
from imagegen.storage.budgets.settlement import DUE, Settlement
from imagegen.storage.errors import mongo_errors
from imagegen.storage.jobs.documents import Document, from_document, mutable_part, reservation_document
from imagegen.storage.jobs.leases import RELEASED
from imagegen.storage.mongodb import Collection, Session, in_transaction
from imagegen.storage.usage.counting import COUNTED, REMOVE_MARKS, UNCOUNTED
from imagegen.storage.usage.store import Usage

_LOST: Final = {"$in": [SubmissionState.SUBMITTING.value, SubmissionState.UNKNOWN.value]}


class LateRequestIds:
    """Stores late request ids, and finds jobs without one. `collection` is that of the jobs."""

    def __init__(self, collection: Collection, usage: Usage, settlement: Settlement) -> None:
        self._jobs, self._usage, self._settlement = collection, usage, settlement

    async def adopt(self, job: Job) -> None:
        """Store the late id of a running job's request. The holder of its lease is not involved, and finds it later.

        Raises:
            StaleJob: the job has changed since it was read.
            RequestOwned: another job has this request.
        """
        before: Document = {"_id": job.id, "version": job.version - 1, "status": JobStatus.RUNNING.value}
        try:
            with mongo_errors():
                outcome = await self._jobs.update_one(before, {"$set": mutable_part(job)})
        except DuplicateKeyError as error:
            raise RequestOwned(job.id) from error
        if outcome.matched_count == 0:
            raise StaleJob(job.id)

    async def revive(self, failed: Job, job: Job) -> None:
        """Store the only transition out of a final status: a failed job whose request was found runs again, unleased.

        The same transaction subtracts it from the usage, if it is counted there. Its budgets book it again, afterwards.

        Raises:
            StaleJob: the job has changed since it was read.
            RequestOwned: another job has this request.
        """
        before: Document = {"_id": job.id, "version": failed.version, "status": JobStatus.FAILED.value}
        changes = {**mutable_part(job), **RELEASED}
        again = [reservation_document(each) for each in job.booked_again]
        booking: Document = {"$push": {"reservations": {"$each": again}}} if again else {}
        if again:
            changes[DUE] = True

        async def store(session: Session) -> bool:
            document = await self._jobs.find_one_and_update(
                before,
                {"$set": changes, **booking, **REMOVE_MARKS},
                projection={UNCOUNTED: 1, COUNTED: 1},
                session=session,
            )
            found = cast("Document | None", document)  # Motor's stub claims that it never returns None; it does
            if found is not None and (UNCOUNTED not in found or COUNTED in found):
                await self._usage.subtract_job(failed, session)
            return found is not None

        try:
            with mongo_errors():
                was_stored = await in_transaction(self._jobs, store)
        except DuplicateKeyError as error:
            raise RequestOwned(job.id) from error
        if not was_stored:
            raise StaleJob(job.id)
        if again:
            self._settlement.settle_soon(job.id)

    async def similar_lost_submissions(self, job: Job) -> Sequence[SubmissionState]:
        """The submission states of other running jobs that may have sent the same request and lack its id."""
        lost = {"status": JobStatus.RUNNING.value, "submission.state": _LOST, "endpoint": job.endpoint}
        with mongo_errors():
            found = self._jobs.find({**lost, "_id": {"$ne": job.id}})
            others = [from_document(document) async for document in found]
        return [other.submission.state for other in others if other.sent_payload == job.sent_payload]

    async def find_owned(self, request_ids: Sequence[str]) -> frozenset[str]:
        """The ids, of these request ids of fal, that a job already has."""
        wanted = {"submission.request.requestId": {"$in": list(request_ids)}}
        with mongo_errors():
            found = self._jobs.find(wanted, {"submission.request.requestId": 1})
            return frozenset([document["submission"]["request"]["requestId"] async for document in found])
