"""From a valid request to a stored and queued job: what `POST /api/images/generate` does before it waits."""

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, cast

from pydantic import BaseModel, JsonValue

from imagegen.api.admission import admit
from imagegen.costs import Cost
from imagegen.errors import IdempotencyMismatch, JobDeleted, Unavailable
from imagegen.jobs import Idempotency, Job, JsonObject, new_job_id
from imagegen.keys import Caller
from imagegen.logs import about
from imagegen.queue_lanes import FEW
from imagegen.registry import ModelRequest
from imagegen.storage.acceptance import IDEMPOTENCY_KEPT
from imagegen.tracing import current_traceparent
from imagegen.wiring import Services, now

_ROUTE: Final = "POST /api/images/generate"
_log = logging.getLogger("imagegen.api")


def new_job(request: ModelRequest, services: Services, caller: Caller, *, idempotency_key: str | None) -> Job:
    """The job that a request asks for: priced, and mapped to what fal takes. It has yet to pass `admission`."""
    model = services.registry.model(request.model)
    inputs, options = _given(request, "inputs"), _given(request, "options")
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
        cost=Cost(cost_per_image=price.cost_per_image, num_images=price.num_images),
        created_at=created_at,
        deadline=_deadline(request, created_at),
        pictures_asked=price.num_images,
        webhook_url=request.webhook_url,
        trace=current_traceparent(),
        idempotency=idempotency(_ROUTE, caller, request.user_id, idempotency_key, request) if idempotency_key else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A stored job.

    Attributes:
        job: as stored.
        replayed: an earlier request with the same idempotency key had made it.
        queued: a runner will hear of it at once; if not, the audit queues it when NATS is back.
    """

    job: Job
    replayed: bool = False
    queued: bool = True


async def repeated(job: Job, services: Services) -> Accepted | None:
    """The job that the same idempotency key has already made: looked for before any of its pictures is kept.

    Raises:
        IdempotencyMismatch: the key was used with another body.
        JobDeleted: that job was deleted; the key does not pay again.
    """
    if job.idempotency is None:
        return None
    stored = await services.jobs.made_by(job.idempotency, job.created_at - IDEMPOTENCY_KEPT)
    return _replay(job, stored) if stored is not None else None


async def accept(new: Job, services: Services) -> Accepted:
    """Admit, store and queue a checked job. From the moment it is stored, it is accepted: nothing after is an error.

    Raises:
        InvalidInput: a picture that it brings along is none, or is gone.
        ObjectStoreUnavailable: nothing was accepted.
        IdempotencyMismatch: the key was used with another body.
        JobDeleted: the key made a job that was deleted.
        DatabaseUnavailable: nothing was accepted.
        AcceptanceUnknown: MongoDB broke off; the error names the job that may exist.
    """
    (job,) = await admit([new], services)
    stored, replayed = await services.jobs.insert(job)
    about(job_id=stored.id)
    if replayed:
        return _replay(job, stored)
    services.metrics.job_accepted(stored.model)
    try:
        await services.queue.publish(stored, crowded=await _is_crowded(stored, services))
    except Unavailable as error:
        _log.warning("job %s is accepted but not queued (%s); the audit will queue it", job.id, error)
        return Accepted(job=stored, queued=False)
    return Accepted(job=stored)


async def _is_crowded(job: Job, services: Services) -> bool:
    """Whether more than FEW of the user's jobs wait. With fewer of this process's own, nobody else is asked."""
    if services.queue.newcomers.count(job.user_id, job.priority) < FEW:
        return False
    return await services.jobs.queueing.is_crowded(job.user_id, job.priority, FEW)


def _deadline(request: ModelRequest, created_at: datetime) -> datetime | None:
    given = "deadline_seconds" in request.model_fields_set
    return created_at + timedelta(seconds=request.deadline_seconds) if given else None


def _given(request: ModelRequest, part: str) -> Mapping[str, JsonValue]:
    """What the caller gave, without the members that were left out."""
    body = request.model_dump(mode="json", exclude_unset=True, by_alias=True)
    return cast("Mapping[str, JsonValue]", body.get(part, {}))


def idempotency(route: str, caller: Caller, user_id: str, key: str, body: BaseModel | JsonObject | str) -> Idempotency:
    """A caller's key for a request; the body as the caller gave it, or a text, tells a repeat from a different one."""
    given = body.model_dump(mode="json", exclude_unset=True, by_alias=True) if isinstance(body, BaseModel) else body
    text = json.dumps(given, sort_keys=True)
    return Idempotency(
        caller=caller.idempotency_scope(user_id),
        route=route,
        key=key,
        body_sha256=hashlib.sha256(text.encode()).hexdigest(),
    )


def _replay(job: Job, stored: Job) -> Accepted:
    if stored.deletion is not None:
        raise JobDeleted(stored.id, stored.user_id)
    _demand_the_same_body(job, stored)
    return Accepted(job=stored, replayed=True)


def _demand_the_same_body(job: Job, stored: Job) -> None:
    assert job.idempotency is not None
    assert stored.idempotency is not None
    if job.idempotency.body_sha256 != stored.idempotency.body_sha256:
        raise IdempotencyMismatch(job_id=stored.id)
