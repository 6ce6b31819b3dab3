"""/api/audit: who changed which API key or budget, or the catalog, and how."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from imagegen.api.deps import administration_of, budget_administration_of
from imagegen.api.http.json_route import JsonRoute
from imagegen.api.http.media_types import JSON
from imagegen.api.http.pages import next_link, written_page
from imagegen.api.http.policies import Access, Caching, RoutePolicy, policy
from imagegen.api.openapi.examples import BUDGET_ID, JOB_ID, KEY_ID
from imagegen.api.openapi.responses import BAD_QUERY, UNAVAILABLE
from imagegen.jobs import JOB_ID_PATTERN
from imagegen.keys import KEY_ID_PATTERN, KeyScope
from imagegen.operations.audit import AuditReader
from imagegen.wire import key_schemas
from imagegen.wire.key_serializers import serialize_entry

router = APIRouter(prefix="/api/audit", tags=["keys"], route_class=JsonRoute)


class AuditQuery(BaseModel):
    """A page of the audit trail."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")

    key_id: str | None = Field(
        default=None, pattern=f"^{KEY_ID_PATTERN}$", description="Only changes of this key.", examples=[KEY_ID]
    )
    budget_id: str | None = Field(
        default=None,
        pattern=f"^{JOB_ID_PATTERN}$",
        description="Only changes of this budget; with `keyId`, those of both.",
        examples=[BUDGET_ID],
    )
    limit: int = Field(default=20, ge=1, le=100, description="Entries per page.")
    cursor: str | None = Field(
        default=None, pattern=f"^{JOB_ID_PATTERN}$", description="`nextCursor` of the previous page.", examples=[JOB_ID]
    )


@router.get("", response_model=key_schemas.AuditTrail, responses={**BAD_QUERY, **UNAVAILABLE})
@policy(RoutePolicy(access=Access.KEYED, scope=KeyScope.ADMIN, caching=Caching.NO_STORE))
async def list_audit_entries(query: Annotated[AuditQuery, Query()], request: Request) -> Response:
    """List the changes of API keys, budgets and the catalog, newest first. No entry has a token or a hash.

    Only changes of keys that your own key could grant, before and after, and of budgets that it manages are listed, and
    all of the catalog. The `Link` header has the next page.
    """
    reader = AuditReader(keys=administration_of(request), budgets=budget_administration_of(request))
    page = await reader.page(limit=query.limit, before=query.cursor, key_id=query.key_id, budget_id=query.budget_id)
    frame = key_schemas.AuditTrail(entries=[], next_cursor=page.next_before)
    content = await written_page(frame, map(serialize_entry, page.entries))
    return Response(content, headers=next_link(request, page.next_before), media_type=JSON)
