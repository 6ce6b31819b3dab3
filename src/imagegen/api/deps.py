"""What handlers take from a request, and the parameters that several of them have.

The services and the caller are not dependencies of FastAPI: resolving three of them took a tenth of a request's time.
"""

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from http import HTTPStatus
from typing import Annotated, Final, TypeAlias, cast

from fastapi import Depends, Path, Query, Request

from imagegen.api.http.problems import RETRY_AFTER, HttpProblem
from imagegen.api.openapi.examples import BATCH_ID, BUDGET_ID, JOB_ID, KEY_ID
from imagegen.jobs import Idempotency
from imagegen.json_object import JsonObject
from imagegen.keys import Caller
from imagegen.net.slots import Slots
from imagegen.operations.budget_administration import BudgetAdministration
from imagegen.operations.generate import idempotency
from imagegen.operations.key_administration import ANONYMOUS, KeyAdministration, with_all_names
from imagegen.operations.wait import MAX_WAIT
from imagegen.services import Services

_NO_USER: Final = ""  # no user has this id
TakeSlot: TypeAlias = Callable[[], AbstractContextManager[bool]]


def services_of(request: Request) -> Services:
    """The open services."""
    return cast("Services", request.state.services)


def caller_of(request: Request) -> Caller:
    """The caller that `AuthMiddleware` admitted. Open routes have none."""
    return cast("Caller", request.state.caller)


def administration_of(request: Request) -> KeyAdministration:
    """What the caller may do with API keys."""
    services, caller = services_of(request), caller_of(request)
    return KeyAdministration(
        store=services.api_keys,
        audit=services.audit,
        registry=services.registry,
        actor=caller.key.id if caller.key else ANONYMOUS,
        own_key=with_all_names(caller.key, services.registry),
        announce=services.keys.announce_change,
    )


def budget_administration_of(request: Request) -> BudgetAdministration:
    """What the caller may do with budgets."""
    services, caller = services_of(request), caller_of(request)
    return BudgetAdministration(
        store=services.budgets,
        counters=services.budget_counters,
        ledger=services.ledger,
        audit=services.audit,
        keys=services.api_keys,
        registry=services.registry,
        settings=services.settings,
        actor=caller.key.id if caller.key else ANONYMOUS,
        own_key=with_all_names(caller.key, services.registry),
        announce=services.budget_directory.announce_change,
    )


def administrator_idempotency(
    request: Request, route: str, key: str | None, body: JsonObject | str
) -> Idempotency | None:
    """The idempotency key of a request about keys or budgets: it belongs to the caller's API key, and to no user."""
    return idempotency(route, caller_of(request), _NO_USER, key, body) if key else None


def waiting_slot(request: Request) -> TakeSlot:
    """Takes a slot to wait in for the caller, if one is free."""
    return partial(cast("Slots", request.state.waiting_slots).take, _holder(request))


async def _stream(request: Request) -> AsyncGenerator[None]:
    """Hold a slot for an event stream until the response has been sent."""
    with stream_slot(request):
        yield


@contextmanager
def stream_slot(request: Request) -> Generator[None]:
    """Hold a slot for an event stream; raises HttpProblem if none is free."""
    with cast("Slots", request.state.stream_slots).take(_holder(request)) as has_slot:
        if not has_slot:
            detail = (
                "Too many event streams are open (IMAGEGEN_MAX_STREAMS), or too many of yours: some are kept for other "
                "callers. Try again later, or poll with ?wait=30."
            )
            raise HttpProblem(HTTPStatus.SERVICE_UNAVAILABLE, "too_many_streams", detail, RETRY_AFTER)
        yield


def _holder(request: Request) -> str:
    """The holder of a slot: the caller's API key or, without one, its address."""
    key = caller_of(request).key
    return key.id if key else f"at {request.client.host if request.client else 'unknown'}"


STREAM: Final = Depends(_stream)

JobId = Annotated[str, Path(alias="jobId", description="The job's id.", examples=[JOB_ID])]

KeyId = Annotated[str, Path(alias="keyId", description="The key's id.", examples=[KEY_ID])]

BudgetId = Annotated[str, Path(alias="budgetId", description="The budget's id.", examples=[BUDGET_ID])]

BatchId = Annotated[str, Path(alias="batchId", description="The batch's id.", examples=[BATCH_ID])]

Wait = Annotated[
    int,
    Query(
        ge=0,
        le=int(MAX_WAIT.total_seconds()),
        description="Seconds to wait: for any change with If-None-Match, otherwise for the end. The response comes "
        "earlier if that happens, and at once if too many requests wait already (IMAGEGEN_MAX_WAITING).",
        examples=[30],
    ),
]
