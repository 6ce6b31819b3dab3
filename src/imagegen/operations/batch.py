"""From a valid batch to stored and queued jobs: all of them or none."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Final, TypeVar, cast

from pydantic import JsonValue

from imagegen.clock import now
from imagegen.errors import Fault, IdempotencyMismatch, InvalidInput, InvalidRequest, RateState, Unavailable
from imagegen.jobs import Job, Priority, new_job_id
from imagegen.json_object import JsonObject
from imagegen.keys import Caller
from imagegen.operations.admission import Admitted, admit, check
from imagegen.operations.generate import body_of, idempotency, new_job
from imagegen.operations.rates import read_rates
from imagegen.operations.wait import check_until
from imagegen.queue.lanes import FIRST_LANE_LIMIT
from imagegen.registry import MOST_FAULTS, ModelRequest, RequestBatch, faults_of_request
from imagegen.services import Services
from imagegen.storage.batches import Batch, BatchRefusal
from imagegen.storage.idempotency import IDEMPOTENCY_KEPT

ROUTE: Final = "POST /api/images/batch"
_CONCURRENT_PUBLISHES: Final = 16
T = TypeVar("T")
_log = logging.getLogger("imagegen.api")


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedBatch:
    """A stored batch.

    Attributes:
        batch: as stored.
        replayed: an earlier request with the same idempotency key created it.
        rates: the limits of its key and user, as they are after it.
        models: the names of the models that were requested, each once.
    """

    batch: Batch
    replayed: bool = False
    rates: Sequence[RateState] = ()
    models: Sequence[str] = ()


async def accept_batch(body: RequestBatch, services: Services, caller: Caller, key: str | None) -> AcceptedBatch:
    """Check every request, store their images, then store all jobs at once and queue them.

    Raises:
        InvalidInput: with the faults of all requests; nothing was accepted.
        NotAllowed: the caller may not act for the user, or not use one of the models.
        IdempotencyMismatch: the key was used with another body.
        RateLimited: the key or the user has used up its rate, or has too many open jobs.
        BeyondRate: a minute's rate, or the limit on open jobs, is too low for all the jobs.
        BudgetExceeded: a budget has no room for all the jobs.
        DatabaseUnavailable: nothing was accepted.
        BatchUnknown: MongoDB broke off; the error names the batch that may exist.
    """
    caller.require_user(body.user_id)
    batch, jobs = await asyncio.to_thread(_read, body, services, caller, key)
    models = tuple(dict.fromkeys(job.model for job in jobs))
    async with services.idempotency_locks.held(batch.idempotency):
        accepted = await _find_or_accept(batch, jobs, caller, services, partial=body.partial)
    return replace(accepted, models=models)


async def _find_or_accept(
    batch: Batch, jobs: Sequence[Job], caller: Caller, services: Services, *, partial: bool
) -> AcceptedBatch:
    """The batch that the same idempotency key created before; otherwise the new one."""
    since = batch.created_at - IDEMPOTENCY_KEPT
    stored = await services.batches.find_by_idempotency_key(batch.idempotency, since) if batch.idempotency else None
    if stored is not None:
        return replace(_replay(batch, stored), rates=await read_rates(caller, batch.user_id, services))
    admitted = await admit(jobs, caller, services, partial=partial)
    batch = _accepted_part(batch, jobs, admitted)
    async with admitted.undone_if_refused():
        stored, replayed = await services.batches.insert(batch, admitted.jobs, since)
        if replayed:
            replay = _replay(batch, stored)
            await admitted.undo()
            return replace(replay, rates=admitted.limits)
    for job in admitted.jobs:
        services.metrics.job_accepted(job.model)
    await _queue_all(admitted.jobs, services)
    return AcceptedBatch(batch=stored, rates=admitted.limits)


async def wait_for_batch(
    batch: Batch, services: Services, patience: timedelta, is_enough: Callable[[], Awaitable[bool]]
) -> None:
    """Check a condition on the batch until it holds or the patience is over; at most twice a second."""
    with services.queue.subscriptions.signal(batch.id) as changed:
        changed.set()
        await check_until(is_enough, changed, services.stopping, patience, pause=timedelta(seconds=0.5))


def _read(body: RequestBatch, services: Services, caller: Caller, key: str | None) -> tuple[Batch, Sequence[Job]]:
    """The batch and its jobs, in the order of the requests. Blocks; run it in a thread."""
    batch_id = new_job_id(now())
    found: list[Fault] = []
    requests: list[ModelRequest] = []
    jobs: list[Job] = []
    for number, each in enumerate(body.requests):
        try:
            request = services.registry.parse_item(each)
            job = _new_job(request, body.user_id, services, caller)
        except InvalidRequest as error:
            has_models = any(fault.code == "unknown_model" for fault in found)
            found += faults_of_request(number, error, has_models=has_models)
            if len(found) >= MOST_FAULTS:
                break
        else:
            requests.append(request)
            jobs.append(replace(job, batch_id=batch_id, priority=Priority.LOW))
    if found:
        raise InvalidInput(found)
    return _new_batch(body, requests, jobs, caller, key), jobs


def _new_job(request: ModelRequest, user_id: str, services: Services, caller: Caller) -> Job:
    _require_batch_user(request.user_id, user_id)
    whole = request.model_copy(update={"user_id": user_id})
    job = new_job(whole, services.registry, caller, idempotency_key=None)
    check(job, caller, services)
    return job


def _require_batch_user(own: str | None, of_batch: str) -> None:
    if own not in {None, of_batch}:
        message = "userId must be that of the batch, or left out."
        raise InvalidInput([Fault(pointer="/userId", code="not_allowed", message=message)])


def _new_batch(
    body: RequestBatch, requests: Sequence[ModelRequest], jobs: Sequence[Job], caller: Caller, key: str | None
) -> Batch:
    """The batch; it is created at the time of its first job."""
    batch_id, user_id = jobs[0].batch_id, body.user_id
    assert batch_id is not None
    return Batch(
        id=batch_id,
        user_id=user_id,
        job_ids=tuple(job.id for job in jobs),
        estimated_cost=sum((job.cost.total_cost for job in jobs), start=Decimal(0)),
        created_at=jobs[0].created_at,
        idempotency=idempotency(ROUTE, caller, user_id, key, _body(body, requests)) if key else None,
    )


def _accepted_part(batch: Batch, jobs: Sequence[Job], admitted: Admitted) -> Batch:
    """The batch without the jobs for which budgets had no room, and with the refusal of these."""
    if admitted.refused is None:
        return batch
    left_out = jobs[len(admitted.jobs) :]
    refusal = BatchRefusal(
        first=len(admitted.jobs),
        estimates=tuple(job.max_cost for job in left_out),
        budgets=admitted.refused.refusing,
    )
    return replace(
        batch,
        job_ids=batch.job_ids[: refusal.first],
        estimated_cost=batch.estimated_cost - sum((job.cost.total_cost for job in left_out), Decimal(0)),
        refusal=refusal,
    )


def _body(body: RequestBatch, requests: Sequence[ModelRequest]) -> JsonObject:
    """What is hashed of the body. Without `partial` it is as in the last release, so that a repeat is recognised."""
    partial: JsonObject = {"partial": True} if body.partial else {}
    return {"requests": [cast("JsonValue", body_of(each)) for each in requests], "userId": body.user_id, **partial}


async def _queue_all(jobs: Sequence[Job], services: Services) -> None:
    """Publish every job; reconciliation queues those that could not be published."""
    first = jobs[0]
    try:
        crowded = await services.queue_state.has_more_queued(
            first.user_id, first.priority, len(jobs) + FIRST_LANE_LIMIT - 1
        )
        for part in _chunks(list(enumerate(jobs))):
            await asyncio.gather(
                *(services.queue.publish(job, crowded=crowded or n >= FIRST_LANE_LIMIT) for n, job in part)
            )
    except Unavailable as error:
        words = "batch %s is accepted but not fully queued (%s); reconciliation will queue the rest"
        _log.warning(words, first.batch_id, error)


def _chunks(things: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(things), _CONCURRENT_PUBLISHES):
        yield things[start : start + _CONCURRENT_PUBLISHES]


def _replay(batch: Batch, stored: Batch) -> AcceptedBatch:
    assert batch.idempotency is not None
    assert stored.idempotency is not None
    if not batch.idempotency.has_body_of(stored.idempotency):
        raise IdempotencyMismatch(batch_id=stored.id)
    return AcceptedBatch(batch=stored, replayed=True)
