"""Lists of jobs: what they are narrowed to, and the pages that they come in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from imagegen.jobs import Job, JobStatus, first_job_id_at
from imagegen.storage.job_documents import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """What a list of jobs is narrowed to; None means any. The times are of creation, `to` exclusive.

    `user_ids` asks for the jobs of any of these users; `user_id`, if given, decides alone.
    """

    user_id: str | None = None
    user_ids: tuple[str, ...] | None = None
    status: JobStatus | None = None
    type: str | None = None
    model: str | None = None
    batch_id: str | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPage:
    """One page of jobs, newest first; `next_before` is the id to go on from, None on the last page."""

    jobs: Sequence[Job] = field(default=())
    next_before: str | None = None


def query(wanted: JobFilter, before: str | None) -> Mapping[str, object]:
    """What to ask MongoDB for: ids are in the order of time, so a range of time is one of ids."""
    equal = {
        "userId": wanted.user_id,
        "status": wanted.status.value if wanted.status else None,
        "type": wanted.type,
        "model": wanted.model,
        "batchId": wanted.batch_id,
    }
    ids: Document = {}
    if wanted.created_from is not None:
        ids["$gte"] = first_job_id_at(wanted.created_from)
    upper = [first_job_id_at(wanted.created_to)] if wanted.created_to else []
    upper += [before] if before else []
    if upper:
        ids["$lt"] = min(upper)
    found: Document = {name: value for name, value in equal.items() if value is not None}
    if wanted.user_id is None and wanted.user_ids is not None:
        found["userId"] = {"$in": list(wanted.user_ids)}
    found["deletion"] = None
    return {**found, "_id": ids} if ids else found
