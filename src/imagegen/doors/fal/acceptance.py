"""Where every request of fal's clients becomes a job: through the same gate as `POST /api/images/generate`."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import Final

from starlette.requests import Request

from imagegen.api.deps import caller_of, services_of
from imagegen.api.http.intake import intake_of
from imagegen.api.http.problems import HttpProblem
from imagegen.doors.fal.calls import EndpointCall
from imagegen.doors.fal.error_shapes import note_accepted
from imagegen.operations.admission import check
from imagegen.operations.generate import Accepted, find_or_accept, new_job
from imagegen.queue.subscriptions import Subscription, is_end
from imagegen.storage.jobs.inserts import JobInsertUnknown

_UNKNOWN: Final = (
    "MongoDB failed while job {} was being stored. It may exist: ask for its status before you send the request again."
)


@dataclass(frozen=True, slots=True)
class Listening:
    """An accepted job, and a subscription to its end from before it was stored; None if it existed already."""

    accepted: Accepted
    subscription: Subscription | None

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
    with services.queue.subscriptions.subscribe(new.id, is_end) as subscription:
        try:
            accepted = await find_or_accept(new, caller, services)
        except JobInsertUnknown as error:
            detail = _UNKNOWN.format(error.job_id)
            raise HttpProblem(HTTPStatus.INTERNAL_SERVER_ERROR, "acceptance_unknown", detail) from error
        note_accepted(request.scope, accepted.job.id)
        intake_of(request.scope).release()
        del call, make, new  # they have the images of the body, and the block may take minutes
        yield Listening(accepted, None if accepted.replayed else subscription)
