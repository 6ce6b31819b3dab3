"""Where every request of fal's clients becomes a job: through the same gate as `POST /api/images/generate`.

The clients repeat a request without a mark. A repeat gets the job whose outcome did not reach them.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import Final, cast

from pydantic import JsonValue
from starlette.requests import Request

from imagegen.api.deps import caller_of, services_of
from imagegen.api.http.delivery import Delivery, delivery_of, failing
from imagegen.api.http.intake import intake_of
from imagegen.api.http.problems import HttpProblem
from imagegen.doors.fal.calls import EndpointCall
from imagegen.doors.fal.error_shapes import note_accepted
from imagegen.json_object import JsonObject
from imagegen.operations.admission import check
from imagegen.operations.generate import Accepted, body_of, new_job
from imagegen.operations.repeats import Wait, attach_or_accept, fingerprint_digest
from imagegen.queue.subscriptions import Subscription, is_end
from imagegen.storage.jobs.inserts import JobInsertUnknown

_PURPOSE: Final = b"fingerprints of requests"
_UNKNOWN: Final = (
    "MongoDB failed while job {} was being stored. It may exist: ask for its status before you send the request again."
)


@dataclass(frozen=True, slots=True)
class Listening:
    """An accepted job.

    Attributes:
        subscription: to its end, from before it was stored; None if it existed already.
        delivery: of the response that the client waits for.
    """

    accepted: Accepted
    subscription: Subscription | None
    delivery: Delivery

    @property
    def is_current(self) -> bool:
        """Whether the job has certainly not ended since it was stored."""
        return self.subscription is not None and not self.subscription.changed.is_set()


@asynccontextmanager
async def accepting(call: EndpointCall, request: Request) -> AsyncGenerator[Listening]:
    """Accept a job, and listen for its end for as long as the block runs.

    Raises:
        ImagegenError: as `operations.generate.accept` does. Nothing is stored.
        HttpProblem: it is unknown whether the job is stored. The status is one that the clients do not repeat.
    """
    services, caller = services_of(request), caller_of(request)
    make = partial(new_job, call.request, services.registry, caller, idempotency_key=call.idempotency_key)
    new = await asyncio.to_thread(make) if intake_of(request.scope).is_large else make()
    new = replace(new, priority=call.priority, fal_call=call.origin)
    check(new, caller, services)
    wait = await _wait(call, request)
    with (
        failing(delivery_of(request.scope, wait)) as delivery,
        services.queue.subscriptions.subscribe(new.id, is_end) as subscription,
    ):
        try:
            accepted = await attach_or_accept(new, caller, services, wait)
        except JobInsertUnknown as error:
            detail = _UNKNOWN.format(error.job_id)
            raise HttpProblem(HTTPStatus.INTERNAL_SERVER_ERROR, "acceptance_unknown", detail) from error
        note_accepted(request.scope, accepted.job.id)
        intake_of(request.scope).release()
        del call, make, new  # they have the images of the body, and the block may take minutes
        yield Listening(accepted, None if accepted.replayed else subscription, delivery)


async def _wait(call: EndpointCall, request: Request) -> Wait:
    """The wait for the outcome of a request. The body, its user and its webhook are in the request of the call."""
    services = services_of(request)
    body: JsonObject = {**body_of(call.request), "inline": call.origin.inline}
    secret = services.links.derived_secret(_PURPOSE)
    make = partial(
        fingerprint_digest,
        secret,
        caller_of(request),
        call.request.user_id,
        request.scope["path"],
        cast("JsonValue", body),
    )
    digest = await asyncio.to_thread(make) if intake_of(request.scope).is_large else make()
    return Wait(digest, services)
