"""Filters and pages of job lists."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from imagegen.jobs import Job, JobStatus, first_job_id_at
from imagegen.storage.jobs.documents import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """The filter of a job list; None means any.

    Attributes:
        user_id: the jobs of this user; takes precedence over `user_ids`.
        user_ids: the jobs of any of these users.
        status: the jobs in this status.
        type: the jobs of this type, such as `image-generation`.
        models: the jobs whose model has one of these names.
        batch_id: the jobs of this batch.
        created_from: the jobs created at this time or later.
        created_to: the jobs created before this time.
    """

    user_id: str | None = None
    user_ids: tuple[str, ...] | None = None
    status: JobStatus | None = None
    type: str | None = None
    models: tuple[str, ...] | None = None
    batch_id: str | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPage:
    """One page of jobs, newest first. The next one lists the jobs before the id `next_before`; None on the last."""

    jobs: Sequence[Job] = field(default=())
    next_before: str | None = None


def _any_of(values: Sequence[str]) -> object:
    return values[0] if len(values) == 1 else {"$in": list(values)}


def build_query(wanted: JobFilter, before: str | None) -> Mapping[str, object]:
    """The query for MongoDB. Ids sort by time, so a range of time is a range of ids."""
    equal = {
        "userId": wanted.user_id,
        "status": wanted.status.value if wanted.status else None,
        "type": wanted.type,
        "model": None if wanted.models is None else _any_of(wanted.models),
        "batchId": wanted.batch_id,
    }
    ids: Document = {}
    if wanted.created_from is not None:
        ids["$gte"] = first_job_id_at(wanted.created_from)
    upper = [first_job_id_at(wanted.created_to)] if wanted.created_to else []
    upper += [before] if before else []
    if upper:
        ids["$lt"] = min(upper)
    query: Document = {name: value for name, value in equal.items() if value is not None}
    if wanted.user_id is None and wanted.user_ids is not None:
        query["userId"] = {"$in": list(wanted.user_ids)}
    query["deletion"] = None
    return {**query, "_id": ids} if ids else query
