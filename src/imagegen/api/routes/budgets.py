"""/api/budgets: limits on what jobs may cost, for callers with the scope `admin`."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from imagegen.api.deps import BudgetId, administrator_idempotency, budget_administration_of
from imagegen.api.http.body_limits import usual_limit
from imagegen.api.http.json_route import JsonRoute
from imagegen.api.http.media_types import JSON
from imagegen.api.http.pages import cursor_at, cursor_pattern, next_link, place_of, written_page
from imagegen.api.http.policies import Access, BodyPolicy, Caching, RoutePolicy, policy
from imagegen.api.http.prefer import DemandedIdempotencyKey, IdempotencyKey, replay_header
from imagegen.api.openapi.examples import BUDGET_ID, JOB_ID, LEDGER_CURSOR
from imagegen.api.openapi.responses import (
    BAD_QUERY,
    BEYOND_OWN_KEY,
    BUDGET_CONFLICT,
    BUDGET_LOCATION,
    BUDGET_NOT_ADJUSTED,
    BUDGET_NOT_CHANGED,
    BUDGET_NOT_CREATED,
    BUDGET_NOT_FOUND,
    INVALID_ADJUSTMENT,
    INVALID_INPUT,
    REPLAYED,
    UNAVAILABLE,
)
from imagegen.jobs import JOB_ID_PATTERN
from imagegen.keys import KeyScope
from imagegen.operations.budget_reports import BudgetReport
from imagegen.operations.budget_requests import (
    AdjustBudgetRequest,
    ChangeBudgetRequest,
    CreateBudgetRequest,
    explain_adjust,
    explain_change,
    explain_create,
)
from imagegen.wire import budget_schemas
from imagegen.wire.budget_serializers import serialize_budget, serialize_ledger_entry

_CREATE: Final = "POST /api/budgets"
_ADJUST: Final = "POST /api/budgets/{budgetId}/adjust"
_CREATED: Final = {
    "model": budget_schemas.Budget,
    "description": "The budget is created.",
    "headers": {**BUDGET_LOCATION, **REPLAYED},
}
_ADJUSTED: Final = {"headers": {**REPLAYED}}
_LONGEST_CURSOR: Final = 500

router = APIRouter(prefix="/api/budgets", tags=["budgets"], route_class=JsonRoute)


class BudgetQuery(BaseModel):
    """A page of the list."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=20, ge=1, le=100, description="Budgets per page.")
    cursor: str | None = Field(
        default=None,
        pattern=f"^{JOB_ID_PATTERN}$",
        description="`nextCursor` of the previous page.",
        examples=[BUDGET_ID],
    )


class LedgerQuery(BaseModel):
    """A page of a ledger."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")

    job_id: str | None = Field(
        default=None, pattern=f"^{JOB_ID_PATTERN}$", description="Only entries of this job.", examples=[JOB_ID]
    )
    limit: int = Field(default=20, ge=1, le=100, description="Entries per page.")
    cursor: str | None = Field(
        default=None,
        pattern=cursor_pattern(".+"),
        max_length=_LONGEST_CURSOR,
        description="`nextCursor` of the previous page.",
        examples=[LEDGER_CURSOR],
    )


@router.post(
    "",
    status_code=201,
    response_model=budget_schemas.Budget,
    responses={201: _CREATED, **INVALID_INPUT, **BEYOND_OWN_KEY, **BUDGET_NOT_CREATED, **UNAVAILABLE},
)
@policy(
    RoutePolicy(
        access=Access.KEYED,
        scope=KeyScope.ADMIN,
        body=BodyPolicy(JSON, usual_limit, explain_create),
        caching=Caching.NO_STORE,
    )
)
async def create_budget(
    body: CreateBudgetRequest, request: Request, idempotency_key: IdempotencyKey = None
) -> Response:
    """Create a budget. Jobs that are accepted from now on count.

    Only budgets of a key or of all cap a caller that chooses its users itself. If your own key has restrictions, it
    limits only users and keys that it could grant. There may be 1,000 budgets.
    """
    as_sent = body.model_dump(mode="json", by_alias=True, exclude_unset=True)
    sent = administrator_idempotency(request, _CREATE, idempotency_key, as_sent)
    report = await budget_administration_of(request).create(body, sent)
    return _response(report, 201, {"Location": f"/api/budgets/{report.budget.id}"})


@router.get("", response_model=budget_schemas.BudgetList, responses={**BAD_QUERY, **UNAVAILABLE})
@policy(RoutePolicy(access=Access.KEYED, scope=KeyScope.ADMIN, caching=Caching.NO_STORE))
async def list_budgets(query: Annotated[BudgetQuery, Query()], request: Request) -> Response:
    """List the budgets with what is left of them, newest first. Deleted ones are not listed.

    Only budgets of what your own key could grant are listed. The `Link` header has the next page.
    """
    page = await budget_administration_of(request).page(limit=query.limit, before=query.cursor)
    frame = budget_schemas.BudgetList(budgets=[], next_cursor=page.next_before)
    content = await written_page(frame, map(serialize_budget, page.budgets))
    return Response(content, headers=next_link(request, page.next_before), media_type=JSON)


@router.get("/{budgetId}", response_model=budget_schemas.Budget, responses={**BUDGET_NOT_FOUND, **UNAVAILABLE})
@policy(RoutePolicy(access=Access.KEYED, scope=KeyScope.ADMIN, caching=Caching.NO_STORE))
async def get_budget(budget_id: BudgetId, request: Request) -> Response:
    """Get one budget with what is left of it, even if it was deleted.

    If each user has the budget for itself, `holders` has the 100 users that have used most of it.
    """
    return _response(await budget_administration_of(request).show(budget_id), 200, {})


@router.patch(
    "/{budgetId}",
    response_model=budget_schemas.Budget,
    responses={**INVALID_INPUT, **BEYOND_OWN_KEY, **BUDGET_NOT_FOUND, **BUDGET_NOT_CHANGED, **UNAVAILABLE},
)
@policy(
    RoutePolicy(
        access=Access.KEYED,
        scope=KeyScope.ADMIN,
        body=BodyPolicy(JSON, usual_limit, explain_change),
        caching=Caching.NO_STORE,
    )
)
async def change_budget(budget_id: BudgetId, body: ChangeBudgetRequest, request: Request) -> Response:
    """Change a budget. Members that are left out stay as they are; its scope and its period cannot be changed.

    A lower amount cancels no job: `overBy` says by how much the current period is over. Null means all models, or no
    webhook.
    """
    return _response(await budget_administration_of(request).change(budget_id, body), 200, {})


@router.delete(
    "/{budgetId}",
    status_code=204,
    response_class=Response,
    response_description="Deleted.",
    responses={**BUDGET_NOT_FOUND, **BUDGET_CONFLICT, **UNAVAILABLE},
)
@policy(RoutePolicy(access=Access.KEYED, scope=KeyScope.ADMIN, produces=(), caching=Caching.NO_STORE))
async def delete_budget(budget_id: BudgetId, request: Request) -> Response:
    """Delete a budget for good: it no longer limits anything. Its ledger can still be read.

    The request may be repeated.
    """
    await budget_administration_of(request).delete(budget_id)
    return Response(status_code=204)


@router.post(
    "/{budgetId}/adjust",
    response_model=budget_schemas.Budget,
    responses={200: _ADJUSTED, **INVALID_ADJUSTMENT, **BUDGET_NOT_FOUND, **BUDGET_NOT_ADJUSTED, **UNAVAILABLE},
)
@policy(
    RoutePolicy(
        access=Access.KEYED,
        scope=KeyScope.ADMIN,
        body=BodyPolicy(JSON, usual_limit, explain_adjust),
        caching=Caching.NO_STORE,
    )
)
async def adjust_budget(
    budget_id: BudgetId, body: AdjustBudgetRequest, request: Request, idempotency_key: DemandedIdempotencyKey
) -> Response:
    """Add to a budget, or take away from it: a top-up of a wallet, or more for this period or the next ones.

    The `Idempotency-Key` is required, so that a repeat does not add twice. The adjustment is in the ledger.
    """
    as_sent = {**body.model_dump(mode="json", exclude_unset=True), "budgetId": budget_id}
    sent = administrator_idempotency(request, _ADJUST, idempotency_key, as_sent)
    assert sent is not None
    return _response(await budget_administration_of(request).adjust(budget_id, body, sent), 200, {})


@router.get(
    "/{budgetId}/ledger",
    response_model=budget_schemas.BudgetLedger,
    responses={**BAD_QUERY, **BUDGET_NOT_FOUND, **UNAVAILABLE},
)
@policy(RoutePolicy(access=Access.KEYED, scope=KeyScope.ADMIN, caching=Caching.NO_STORE))
async def list_ledger_entries(
    budget_id: BudgetId, query: Annotated[LedgerQuery, Query()], request: Request
) -> Response:
    """List what was reserved, settled, released and adjusted, newest first. Entries never change.

    The `Link` header has the next page.
    """
    page = await budget_administration_of(request).ledger_page(
        budget_id, limit=query.limit, before=place_of(query.cursor), job_id=query.job_id
    )
    cursor = cursor_at(*page.next_before) if page.next_before is not None else None
    frame = budget_schemas.BudgetLedger(entries=[], next_cursor=cursor)
    content = await written_page(frame, map(serialize_ledger_entry, page.entries))
    return Response(content, headers=next_link(request, cursor), media_type=JSON)


def _response(report: BudgetReport, status: int, headers: dict[str, str]) -> Response:
    return JSONResponse(
        serialize_budget(report).model_dump(mode="json"),
        status,
        headers={**headers, **replay_header(replayed=report.replayed)},
    )
