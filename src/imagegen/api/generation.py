"""From a valid request to a job, and from a job to its end: what `POST /api/images/generate` does."""

import hashlib
import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, cast

from pydantic import JsonValue

from imagegen.costs import Cost
from imagegen.errors import DatabaseUnavailable, IdempotencyMismatch, JobDeleted, Unavailable
from imagegen.jobs import Idempotency, Job, new_job_id
from imagegen.keys import Caller
from imagegen.queue_lanes import FEW
from imagegen.registry import ModelRequest
from imagegen.storage.jobs import IDEMPOTENCY_KEPT
from imagegen.turn import either, uptime
from imagegen.wiring import Services, now

_LOOK_AGAIN: Final = timedelta(seconds=5)
_log = logging.getLogger("imagegen.api")


def new_job(request: ModelRequest, services: Services, caller: Caller, *, idempotency_key: str | None) -> Job:
    """The job that a request asks for: priced, and mapped to what fal takes; nothing is stored or sent yet.

    Raises:
        NotAllowed: the caller may not use the model, or not act for the user.
    """
    caller.demand_user(request.user_id)
    caller.demand_model(request.model)
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
        idempotency=_idempotency(request, caller, idempotency_key) if idempotency_key else None,
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


async def accept(job: Job, services: Services) -> Accepted:
    """Store and queue the job. From the moment it is stored, it is accepted: nothing after that is an error.

    Raises:
        IdempotencyMismatch: the key was used with another body.
        JobDeleted: the key made a job that was deleted.
        DatabaseUnavailable: nothing was accepted.
        AcceptanceUnknown: MongoDB broke off; the error names the job that may exist.
    """
    stored, replayed = await services.jobs.insert(job)
    if replayed:
        return _replay(job, stored)
    try:
        crowded = await services.jobs.is_crowded(stored.user_id, stored.priority, FEW)
        await services.queue.publish(stored, crowded=crowded)
    except Unavailable as error:
        _log.warning("job %s is accepted but not queued (%s); the audit will queue it", job.id, error)
        return Accepted(job=stored, queued=False)
    return Accepted(job=stored)


async def wait_for_end(job: Job, services: Services, patience: timedelta) -> Job:
    """The job as soon as it has ended, or as it is when the patience is over or the service is asked to stop.

    Announcements keep no history, so MongoDB is read after subscribing, at each announcement and every few seconds.
    """
    give_up_at = uptime() + patience.total_seconds()
    with services.queue.news.of(job.id) as news:
        while not job.status.is_final and (left := give_up_at - uptime()) > 0 and not services.stopping.is_set():
            news.clear()
            with suppress(DatabaseUnavailable):
                job = await services.jobs.get(job.id)
            if not job.status.is_final:
                await either(news, services.stopping, at_most=min(timedelta(seconds=left), _LOOK_AGAIN))
    return job


def _given(request: ModelRequest, part: str) -> Mapping[str, JsonValue]:
    """What the caller gave, without the members that were left out."""
    body = request.model_dump(mode="json", exclude_unset=True, by_alias=True)
    return cast("Mapping[str, JsonValue]", body.get(part, {}))


def _idempotency(request: ModelRequest, caller: Caller, key: str) -> Idempotency:
    body = json.dumps(request.model_dump(mode="json", exclude_unset=True, by_alias=True), sort_keys=True)
    return Idempotency(
        caller=caller.idempotency_scope(request.user_id),
        route="POST /api/images/generate",
        key=key,
        body_sha256=hashlib.sha256(body.encode()).hexdigest(),
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
        raise IdempotencyMismatch(stored.id)
