"""The ids of fal's requests that came late: given to their jobs, and told apart from those of other jobs."""

from collections.abc import Sequence
from typing import Final

from pymongo.errors import DuplicateKeyError

from imagegen.errors import RequestOwned, StaleJob
from imagegen.jobs import Job, JobStatus, SubmissionState
from imagegen.storage.answers import answers
from imagegen.storage.job_documents import Document, from_document, moving_part
from imagegen.storage.mongodb import Collection, Session, in_transaction
from imagegen.storage.usage import Usage

_LOST: Final = {"$in": [SubmissionState.SUBMITTING.value, SubmissionState.UNKNOWN.value]}


class LateIds:
    """The verbs for requests whose ids were lost. `collection` is that of the jobs."""

    def __init__(self, collection: Collection, usage: Usage) -> None:
        self._jobs, self._usage = collection, usage

    async def adopt(self, job: Job) -> None:
        """Store the late id of an unfinished job's request, whoever holds the lease, who then finds it there.

        Raises:
            StaleJob: the job has changed since it was read.
            RequestOwned: another job has this request.
        """
        before: Document = {"_id": job.id, "version": job.version - 1, "status": JobStatus.RUNNING.value}
        try:
            with answers():
                outcome = await self._jobs.update_one(before, {"$set": moving_part(job)})
        except DuplicateKeyError as error:
            raise RequestOwned(job.id) from error
        if outcome.matched_count == 0:
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
                await self._usage.take_back(failed, session)
            return outcome.matched_count == 1

        try:
            with answers():
                was_stored = await in_transaction(self._jobs, move)
        except DuplicateKeyError as error:
            raise RequestOwned(job.id) from error
        if not was_stored:
            raise StaleJob(job.id)

    async def others_like(self, job: Job) -> Sequence[SubmissionState]:
        """How far the other running jobs are that may have sent fal the same request and do not know its id."""
        lost = {"status": JobStatus.RUNNING.value, "submission.state": _LOST, "endpoint": job.endpoint}
        with answers():
            found = self._jobs.find({**lost, "_id": {"$ne": job.id}})
            others = [from_document(document) async for document in found]
        return [other.submission.state for other in others if other.sent == job.sent]

    async def owned(self, request_ids: Sequence[str]) -> frozenset[str]:
        """Those of fal's request ids that some job has."""
        wanted = {"submission.request.requestId": {"$in": list(request_ids)}}
        with answers():
            found = self._jobs.find(wanted, {"submission.request.requestId": 1})
            return frozenset([document["submission"]["request"]["requestId"] async for document in found])
