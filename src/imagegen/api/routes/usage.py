"""/api/usage: what each user has spent."""

import re
from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from imagegen.api.deps import caller_of, services_of
from imagegen.api.http.json_route import JsonRoute
from imagegen.api.http.media_types import JSON, prefers
from imagegen.api.http.policies import Access, Caching, RoutePolicy, policy
from imagegen.api.openapi.responses import BAD_QUERY, FORBIDDEN, UNAVAILABLE
from imagegen.keys import KeyScope
from imagegen.registry import PlainText
from imagegen.storage.usage.store import Grouping, UsageFilter
from imagegen.wire.usage_schemas import Usage
from imagegen.wire.usage_serializers import serialize_usage, usage_csv

_CSV: Final = "text/csv"


router = APIRouter(prefix="/api/usage", tags=["usage"], route_class=JsonRoute)


def _written_out(value: object) -> object:
    """Refuse a number, which pydantic would read as seconds since 1970; a date is written 2026-11-22."""
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise PydanticCustomError("wrong_format", "must be a day such as 2026-11-22")
    return value


Day = Annotated[date, BeforeValidator(_written_out)]


class UsageQuery(BaseModel):
    """Filters and grouping. A job counts on the day on which it ended, in UTC."""

    model_config = ConfigDict(extra="forbid", validate_by_alias=True)

    user_id: PlainText | None = Field(
        default=None, alias="userId", description="One user; by default all users.", examples=["user123"]
    )
    from_: Day | None = Field(default=None, alias="from", description="The first day, such as 2026-11-01.")
    to: Day | None = Field(default=None, description="The day after the last one, such as 2026-12-01.")
    group_by: Grouping = Field(default=Grouping.MODEL, alias="groupBy", description="What the rows are grouped by.")


_TABLE: Final = {
    200: {
        "description": "The sums; as CSV only the rows, with a header line.",
        "content": {_CSV: {"schema": {"type": "string"}}},
        "headers": {"Vary": {"description": "Always `Accept`.", "schema": {"type": "string"}}},
    }
}


@router.get("", response_model=Usage, responses={**_TABLE, **BAD_QUERY, **FORBIDDEN, **UNAVAILABLE})
@policy(RoutePolicy(access=Access.KEYED, scope=KeyScope.READ, produces=(JSON, _CSV), caching=Caching.NO_STORE))
async def get_usage(
    query: Annotated[UsageQuery, Query()],
    request: Request,
    accept: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> Response:
    """Sum up jobs, images, charges, fal.ai's bill and the margin.

    The response is JSON or, with `Accept: text/csv`, a table. Sums are kept per day, so the request takes as long after
    a million jobs as after ten.
    """
    caller = caller_of(request)
    if query.user_id is not None:
        caller.require_user(query.user_id)
    wanted = UsageFilter(user_id=query.user_id, user_ids=caller.users, from_day=query.from_, to_day=query.to)
    services = services_of(request)
    sums = await services.usage.sums(wanted, query.group_by)
    if query.group_by is Grouping.MODEL:
        sums = sums.renamed(lambda name: services.registry.names_of(name)[0])
    content = serialize_usage(wanted, query.group_by, sums)
    if not prefers(accept, _CSV, over=JSON):
        return JSONResponse(content.model_dump(mode="json"), headers={"Vary": "Accept"})
    headers = {"Vary": "Accept", "Content-Disposition": 'attachment; filename="usage.csv"'}
    return Response(usage_csv(content), media_type=f"{_CSV}; charset=utf-8; header=present", headers=headers)
