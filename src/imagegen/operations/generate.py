"""From a valid request to a stored and queued job: everything that `POST /api/images/generate` does before it waits."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, cast

from pydantic import JsonValue

from imagegen.clock import now
from imagegen.errors import BudgetState, IdempotencyMismatch, JobDeleted, RateState, Unavailable
from imagegen.jobs import Idempotency, Job, new_job_id
from imagegen.jobs.cost import Cost
from imagegen.json_object import JsonObject
from imagegen.keys import Caller
from imagegen.observability.logs import bind_log_context
from imagegen.observability.tracing import current_span, traceparent_of
from imagegen.operations.admission import admit
from imagegen.operations.body_hash import hash_body
from imagegen.operations.rates import read_rates
from imagegen.queue import DirectStart
from imagegen.queue.lanes import FIRST_LANE_LIMIT
from imagegen.registry import ModelRequest, Price, Registry
from imagegen.services import Services
from imagegen.storage.idempotency import IDEMPOTENCY_KEPT

_ROUTE: Final = "POST /api/images/generate"
_log = logging.getLogger("imagegen.api")


def new_job(request: ModelRequest, registry: Registry, caller: Caller, *, idempotency_key: str | None) -> Job:
    """The job of a request: priced, and mapped to fal's input. It has not passed `admission` yet."""
    model = registry.model(request.model)
    body = body_of(request)
    inputs, options = (cast("JsonObject", body.get(section, {})) for section in ("inputs", "options"))
    fal_request = model.fal_request(inputs, options)
    price = model.price(inputs, options)
    created_at = now()
    return Job(
        id=new_job_id(created_at),
        user_id=request.user_id,
        model=model.name,
        endpoint=fal_request.endpoint,
        inputs=inputs,
        options=options,
        payload=fal_request.payload,
        cost=_cost(price),
        created_at=created_at,
        deadline=_deadline(request, created_at),
        images_requested=price.most_images,
        webhook_url=request.webhook_url,
        trace=traceparent_of(current_span()),
        idempotency=idempotency(_ROUTE, caller, request.user_id, idempotency_key, body) if idempotency_key else None,
    )


def _cost(price: Price) -> Cost:
    """The cost of a job before its end. What depends on its images is stored, so that the catalog may change."""
    return Cost(
        cost_per_image=price.cost_per_image,
        num_images=price.num_images,
        request_cost=price.request_cost,
        max_cost=price.most,
        by_size=price.by_size,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A stored job.

    Attributes:
        job: as stored.
        replayed: an earlier request with the same idempotency key created it.
        queued: it runs, or a worker gets it at once; if not, reconciliation queues it when NATS is back.
        rates: the limits of its key and user, as they are after it.
        budgets: the budgets that count it, as they are after it.
    """

    job: Job
    replayed: bool = False
    queued: bool = True
    rates: Sequence[RateState] = ()
    budgets: Sequence[BudgetState] = ()


async def find_replay(job: Job, caller: Caller, services: Services) -> Accepted | None:
    """The job that the same idempotency key created before; looked up before any image is stored.

    Raises:
        IdempotencyMismatch: the key was used with another body.
        JobDeleted: that job was deleted; the key does not pay a second time.
    """
    if job.idempotency is None:
        return None
    stored = await services.jobs.find_by_idempotency_key(job.idempotency, job.created_at - IDEMPOTENCY_KEPT)
    if stored is None:
        return None
    return replace(_replay(job, stored), rates=await read_rates(caller, job.user_id, services))


async def find_or_accept(new: Job, caller: Caller, services: Services) -> Accepted:
    """The job that the same idempotency key created before; otherwise the new one, as `accept` accepts it.

    Raises:
        JobDeleted: the key created a job that was deleted.
        ImagegenError: as `accept` does.
    """
    async with services.idempotency_locks.held(new.idempotency):
        return await find_replay(new, caller, services) or await accept(new, caller, services)


async def accept(new: Job, caller: Caller, services: Services) -> Accepted:
    """Admit and store a checked job, and start or queue it. Once it is stored, nothing after that is an error.

    Raises:
        RateLimited: the key or the user has used up its rate, or has too many open jobs.
        BeyondRate: a minute's rate is too low for the request.
        BudgetExceeded: a budget has no room for the job.
        InvalidInput: one of its images cannot be used, or is gone.
        ObjectStoreUnavailable: nothing was accepted.
        IdempotencyMismatch: the key was used with another body.
        JobDeleted: the key created a job that was deleted.
        DatabaseUnavailable: nothing was accepted.
        AcceptanceUnknown: MongoDB broke off; the error names the job that may exist.
    """
    admitted = await admit([new], caller, services)
    async with admitted.undone_if_refused():
        accepted = await _store(admitted.jobs[0], services)
        if accepted.replayed:
            await admitted.undo()
    return replace(accepted, rates=admitted.limits, budgets=admitted.budgets.states)


async def _store(job: Job, services: Services) -> Accepted:
    with services.direct_starts.reserve(job) as start:
        stored, replayed = await (services.jobs.insert(job) if start is None else _insert_started(job, services))
        bind_log_context(job_id=stored.id)
        if replayed:
            return _replay(job, stored)
        services.metrics.job_accepted(stored.model)
        if start is not None and _begin(start, stored, services):
            return Accepted(job=stored)
    return await _queue(stored, services)


async def _insert_started(job: Job, services: Services) -> tuple[Job, bool]:
    return await services.jobs.insert(job.started(services.runner, now()), services.settings.service.lease)


def _begin(start: DirectStart, stored: Job, services: Services) -> bool:
    """Whether the job runs, here or, if the insert was acknowledged very late, already under a later lease."""
    is_ours = (stored.lease.runner, stored.lease.epoch) == (services.runner, 1)
    return not is_ours or services.direct_starts.begin(start, stored)


async def _queue(job: Job, services: Services) -> Accepted:
    try:
        if job.lease.runner is not None:
            await services.jobs.release_lease(job)
        await services.queue.publish(job, crowded=await _is_crowded(job, services))
    except Unavailable as error:
        _log.warning("job %s is accepted but not queued (%s); reconciliation will queue it", job.id, error)
        return Accepted(job=job, queued=False)
    return Accepted(job=job)


async def _is_crowded(job: Job, services: Services) -> bool:
    """Whether more than FIRST_LANE_LIMIT of the user's jobs wait; asks MongoDB only if this process queued so many."""
    if services.queue.backlog.count(job.user_id, job.priority) < FIRST_LANE_LIMIT:
        return False
    return await services.queue_state.has_more_queued(job.user_id, job.priority, FIRST_LANE_LIMIT)


def _deadline(request: ModelRequest, created_at: datetime) -> datetime | None:
    given = "deadline_seconds" in request.model_fields_set
    return created_at + timedelta(seconds=request.deadline_seconds) if given else None


def body_of(request: ModelRequest) -> JsonObject:
    """The body of a request, with the members that the caller sent."""
    return request.model_dump(mode="json", exclude_unset=True, by_alias=True)


def idempotency(route: str, caller: Caller, user_id: str, key: str, body: JsonObject | str) -> Idempotency:
    """A caller's key for a request. The hash of the body as sent, or of a text, tells a repeat from another request."""
    hashes = hash_body(cast("JsonValue", body))
    return Idempotency(
        caller=caller.idempotency_scope(user_id),
        route=route,
        key=key,
        body_sha256=hashes.sha256,
        unsigned_sha256=hashes.unsigned_sha256,
    )


def _replay(job: Job, stored: Job) -> Accepted:
    if stored.deletion is not None:
        raise JobDeleted(stored.id, stored.user_id)
    _require_same_body(job, stored)
    return Accepted(job=stored, replayed=True)


def _require_same_body(job: Job, stored: Job) -> None:
    assert job.idempotency is not None
    assert stored.idempotency is not None
    if not job.idempotency.has_body_of(stored.idempotency):
        raise IdempotencyMismatch(job_id=stored.id)
