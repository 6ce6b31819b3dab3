"""From a valid batch to stored and queued jobs: all of them or none."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Final, TypeVar

from pydantic import JsonValue

from imagegen.api.admission import admit, check
from imagegen.api.generation import idempotency, new_job
from imagegen.api.waiting import look_until
from imagegen.errors import Fault, IdempotencyMismatch, InvalidInput, InvalidRequest, Unavailable
from imagegen.jobs import Job, JsonObject, Priority, new_job_id
from imagegen.keys import Caller
from imagegen.queue_lanes import FEW
from imagegen.registry import MOST_FAULTS, ModelRequest, RequestBatch, faults_of_request
from imagegen.storage.acceptance import IDEMPOTENCY_KEPT
from imagegen.storage.batches import Batch
from imagegen.wiring import Services, now

ROUTE: Final = "POST /api/images/batch"
_AT_A_TIME: Final = 16
T = TypeVar("T")
_log = logging.getLogger("imagegen.api")


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedBatch:
    """A stored batch. `replayed`: an earlier request with the same idempotency key had made it."""

    batch: Batch
    replayed: bool = False


async def accept_batch(body: RequestBatch, services: Services, caller: Caller, key: str | None) -> AcceptedBatch:
    """Check every request, keep their pictures, then store all jobs at once and queue them.

    Raises:
        InvalidInput: with the faults of all requests; nothing was accepted.
        NotAllowed: the caller may not act for the user, or not use one of the models.
        IdempotencyMismatch: the key was used with another body.
        DatabaseUnavailable: nothing was accepted.
        BatchUnknown: MongoDB broke off; the error names the batch that may exist.
    """
    caller.demand_user(body.user_id)
    batch, jobs = await asyncio.to_thread(_read, body, services, caller, key)
    since = batch.created_at - IDEMPOTENCY_KEPT
    stored = await services.jobs.batches.made_by(batch.idempotency, since) if batch.idempotency else None
    if stored is not None:
        return _replay(batch, stored)
    admitted = await admit(jobs, services)
    stored, replayed = await services.jobs.batches.insert(batch, admitted, since)
    if replayed:
        return _replay(batch, stored)
    for job in admitted:
        services.metrics.job_accepted(job.model)
    await _queue_all(admitted, services)
    return AcceptedBatch(batch=stored)


async def wait_for_batch(
    batch: Batch, services: Services, patience: timedelta, seen_enough: Callable[[], Awaitable[bool]]
) -> None:
    """Look at the batch until that has shown enough or the patience is over; twice a second at most."""
    with services.queue.news.of(batch.id) as news:
        news.set()
        await look_until(seen_enough, news, services, patience, pause=timedelta(seconds=0.5))


def _read(body: RequestBatch, services: Services, caller: Caller, key: str | None) -> tuple[Batch, Sequence[Job]]:
    """The batch and its jobs, in the order of the requests. Blocks: for a thread."""
    batch_id = new_job_id(now())
    found: list[Fault] = []
    requests: list[ModelRequest] = []
    jobs: list[Job] = []
    for number, each in enumerate(body.requests):
        try:
            request = services.registry.parse_item(each)
            job = _new_job(request, body.user_id, services, caller)
        except InvalidRequest as error:
            found += faults_of_request(number, error)
            if len(found) >= MOST_FAULTS:
                break
        else:
            requests.append(request)
            jobs.append(replace(job, batch_id=batch_id, priority=Priority.LOW))
    if found:
        raise InvalidInput(found)
    return _new_batch(body.user_id, requests, jobs, caller, key), jobs


def _new_job(request: ModelRequest, user_id: str, services: Services, caller: Caller) -> Job:
    _demand_the_user(request.user_id, user_id)
    whole = request.model_copy(update={"user_id": user_id})
    job = new_job(whole, services, caller, idempotency_key=None)
    check(job, caller, services.settings)
    return job


def _demand_the_user(own: str | None, of_batch: str) -> None:
    if own not in {None, of_batch}:
        message = "userId must be left out, or be that of the batch."
        raise InvalidInput([Fault(pointer="/userId", code="not_allowed", message=message)])


def _new_batch(
    user_id: str, requests: Sequence[ModelRequest], jobs: Sequence[Job], caller: Caller, key: str | None
) -> Batch:
    """The batch, whose moment is that of its first job."""
    batch_id = jobs[0].batch_id
    assert batch_id is not None
    return Batch(
        id=batch_id,
        user_id=user_id,
        job_ids=tuple(job.id for job in jobs),
        estimated_cost=sum((job.cost.total_cost for job in jobs), start=Decimal(0)),
        created_at=jobs[0].created_at,
        idempotency=idempotency(ROUTE, caller, user_id, key, _body(user_id, requests)) if key else None,
    )


def _body(user_id: str, requests: Sequence[ModelRequest]) -> JsonObject:
    dumped: list[JsonValue] = [
        request.model_dump(mode="json", exclude_unset=True, by_alias=True) for request in requests
    ]
    return {"requests": dumped, "userId": user_id}


async def _queue_all(jobs: Sequence[Job], services: Services) -> None:
    """Publish every job; those that cannot be published are the audit's to find."""
    first = jobs[0]
    try:
        crowded = await services.jobs.queueing.is_crowded(first.user_id, first.priority, len(jobs) + FEW - 1)
        for part in _parts(list(enumerate(jobs))):
            await asyncio.gather(*(services.queue.publish(job, crowded=crowded or n >= FEW) for n, job in part))
    except Unavailable as error:
        _log.warning("batch %s is accepted but not queued whole (%s); the audit will do it", first.batch_id, error)


def _parts(things: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(things), _AT_A_TIME):
        yield things[start : start + _AT_A_TIME]


def _replay(batch: Batch, stored: Batch) -> AcceptedBatch:
    assert batch.idempotency is not None
    assert stored.idempotency is not None
    if batch.idempotency.body_sha256 != stored.idempotency.body_sha256:
        raise IdempotencyMismatch(batch_id=stored.id)
    return AcceptedBatch(batch=stored, replayed=True)
