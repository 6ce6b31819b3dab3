"""/api/usage: who spent what."""

import re
from datetime import date
from typing import Annotated, ClassVar, Final

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from imagegen.api import schemas
from imagegen.api.callers import CallerDep
from imagegen.api.deps import ServicesDep
from imagegen.api.documents import BAD_QUERY, FORBIDDEN, UNAVAILABLE
from imagegen.api.json_routes import JsonRoute
from imagegen.api.usage_answers import usage_answer, usage_table
from imagegen.registry import PlainText
from imagegen.storage.usage import Grouping, UsageFilter

_CSV: Final = "text/csv"


class UsageRoute(JsonRoute):
    """Answers as a table too."""

    produces: ClassVar[tuple[str, ...]] = ("application/json", _CSV)


router = APIRouter(prefix="/api/usage", tags=["usage"], route_class=UsageRoute)


def _written_out(value: object) -> object:
    """A date is written 2026-11-22; pydantic would take a number of seconds too."""
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise PydanticCustomError("wrong_format", "must be a day such as 2026-11-22")
    return value


Day = Annotated[date, BeforeValidator(_written_out)]


class UsageQuery(BaseModel):
    """What is summed up. A job counts on the day on which it ended, in UTC."""

    model_config = ConfigDict(extra="forbid", validate_by_alias=True)

    user_id: PlainText | None = Field(
        default=None, alias="userId", description="One user; else all of them.", examples=["user123"]
    )
    from_: Day | None = Field(default=None, alias="from", description="The first day, such as 2026-11-01.")
    to: Day | None = Field(default=None, description="The day after the last one, such as 2026-12-01.")
    group_by: Grouping = Field(default=Grouping.MODEL, alias="groupBy", description="What the rows are.")


_TABLE: Final = {
    200: {
        "description": "The sums; as CSV, the rows alone, with a head.",
        "content": {_CSV: {"schema": {"type": "string"}}},
        "headers": {"Vary": {"description": "Always `Accept`.", "schema": {"type": "string"}}},
    }
}


@router.get("", response_model=schemas.Usage, responses={**_TABLE, **BAD_QUERY, **FORBIDDEN, **UNAVAILABLE})
async def get_usage(
    query: Annotated[UsageQuery, Query()],
    services: ServicesDep,
    caller: CallerDep,
    accept: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> Response:
    """Jobs, pictures, charges, fal's bill and the margin: as JSON, or with `Accept: text/csv` for a spreadsheet.

    Sums kept by the day, so the answer takes as long after a million jobs as after ten.
    """
    if query.user_id is not None:
        caller.demand_user(query.user_id)
    wanted = UsageFilter(user_id=query.user_id, user_ids=caller.users, from_day=query.from_, to_day=query.to)
    sums = await services.jobs.usage.sums(wanted, query.group_by)
    answer = usage_answer(wanted, query.group_by, sums)
    if not _prefers_csv(accept or ""):
        return JSONResponse(answer.model_dump(mode="json"), headers={"Vary": "Accept"})
    headers = {"Vary": "Accept", "Content-Disposition": 'attachment; filename="usage.csv"'}
    return Response(usage_table(answer), media_type=f"{_CSV}; charset=utf-8; header=present", headers=headers)


def _prefers_csv(accept: str) -> bool:
    """Whether CSV is named, with at least the weight of JSON (RFC 9110, 12.5.1)."""
    weights = dict(_weighed(part) for part in accept.split(","))
    return weights.get(_CSV, 0.0) > 0 and weights[_CSV] >= weights.get("application/json", 0.0)


def _weighed(media_range: str) -> tuple[str, float]:
    name, *parameters = (part.strip().lower() for part in media_range.split(";"))
    weight = next(
        (found[1] for part in parameters if (found := re.fullmatch(r"q\s*=\s*([01](?:\.\d{0,3})?)", part))), 1
    )
    return name, float(weight)
