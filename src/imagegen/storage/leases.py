"""Who may act on a job, as conditions on its document: leases run on the database's clock."""

from datetime import timedelta
from typing import Final

from imagegen.jobs import Job, JobStatus
from imagegen.storage.job_documents import Document
from imagegen.storage.mongodb import milliseconds

_UNFINISHED: Final = (JobStatus.QUEUED.value, JobStatus.RUNNING.value)
WANTS_A_RUNNER: Final = {"status": {"$in": list(_UNFINISHED)}}
NO_LIVE_LEASE: Final = {"$or": [{"lease.until": None}, {"$expr": {"$lte": ["$lease.until", "$$NOW"]}}]}


def from_now(lease: timedelta) -> Document:
    """When a lease that is taken now ends."""
    return {"$add": ["$$NOW", milliseconds(lease)]}


def held(job: Job) -> Document:
    """The job, if it is unfinished and its lease was neither handed back nor taken since."""
    lease = {"lease.epoch": job.lease.epoch, "lease.runner": job.lease.runner}
    return {"_id": job.id, **lease, "status": {"$in": list(_UNFINISHED)}}
