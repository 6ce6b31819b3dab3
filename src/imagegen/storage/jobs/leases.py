"""Conditions on a job's document that decide who may change it. Leases run on the database's clock."""

from typing import Final

from imagegen.jobs import Job, JobStatus
from imagegen.storage.jobs.documents import Document

UNFINISHED: Final = {"status": {"$in": [JobStatus.QUEUED.value, JobStatus.RUNNING.value]}}
LEASE_EXPIRED: Final = {"$or": [{"lease.until": None}, {"$expr": {"$lte": ["$lease.until", "$$NOW"]}}]}
RELEASED: Final = {"lease.runner": None, "lease.until": None, "lease.taken": 0}


def holds_lease(job: Job) -> Document:
    """Matches the job if it is unfinished and its lease was neither released nor taken by another runner since."""
    lease = {"lease.epoch": job.lease.epoch, "lease.runner": job.lease.runner}
    return {"_id": job.id, **lease, **UNFINISHED}
