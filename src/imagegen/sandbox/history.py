"""The request history of fal's platform API: `GET /v1/models/requests/by-endpoint`."""

import base64
import binascii
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from pydantic import BaseModel, Field, ValidationError
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from imagegen.sandbox import responses
from imagegen.sandbox.components import Sandbox
from imagegen.sandbox.endpoint_schemas import JsonObject
from imagegen.sandbox.fault_plans import FaultPlan
from imagegen.sandbox.faults import HistoryEmpty, HistoryLate, HistoryUnavailable
from imagegen.sandbox.responses import RefusedRequest
from imagegen.sandbox.store import StoredRequest

_DAY = 86400.0


class _Query(BaseModel):
    """The query, with fal's defaults. `cursor` is the page number in base64."""

    endpoint_id: tuple[str, ...] = Field(min_length=1, max_length=50)
    limit: int = Field(default=50, ge=1, le=100)
    page: int = Field(default=1, ge=1)
    start: datetime
    end: datetime
    request_id: str | None = None
    expand: tuple[str, ...] = ()

    def shows(self, stored: StoredRequest) -> bool:
        """Whether the query selects this request. A request in the queue is not listed yet."""
        sent = datetime.fromtimestamp(stored.submitted_at, UTC)
        is_wanted = stored.endpoint in self.endpoint_id and self.request_id in {None, stored.id}
        return is_wanted and stored.started_at is not None and self.start <= sent < self.end


class HistoryRoutes:
    """Lists a key's requests: running ones first, then the ended ones, the latest first."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def routes(self) -> list[Route]:
        """Register before the calls on requests, whose paths match too."""
        return [Route("/v1/models/requests/by-endpoint", self.by_endpoint)]

    async def by_endpoint(self, request: Request) -> Response:
        """Answer with one page of the list."""
        try:
            owner, query = responses.caller(request), _read(request.query_params)
        except RefusedRequest as refused:
            return _error(refused.response.status_code, "authorization_error", "Authentication required")
        except (ValidationError, ValueError, binascii.Error):
            return _error(400, "validation_error", "The query is not valid")
        plan = self._sandbox.plans.of(owner)
        if fault := plan.take(HistoryUnavailable):
            return _error(fault.status, "authorization_error", "This key may not read the request history")
        is_listed = _listed_by(plan, self._sandbox.forgotten)
        stored = await self._sandbox.store.requests_of(owner)
        found = [request for request in stored if query.shows(request) and is_listed(request)]
        found.sort(key=lambda item: item.completed_at or time.time(), reverse=True)
        return JSONResponse(_page(found, query, responses.base_url_of(request)))


def _read(query: QueryParams) -> _Query:
    now = time.time()
    given = {name: query[name] for name in ("limit", "start", "end", "request_id") if name in query}
    window = 90 * _DAY if "request_id" in query else _DAY
    defaults = {"start": _moment(now - window), "end": _moment(now + 1)}
    return _Query.model_validate(
        {
            **defaults,
            **given,
            "endpoint_id": [name for value in query.getlist("endpoint_id") for name in value.split(",")],
            "page": int(base64.b64decode(query["cursor"], validate=True)) if "cursor" in query else 1,
            "expand": query.getlist("expand"),
        }
    )


def _listed_by(plan: FaultPlan, forgotten: set[str]) -> Callable[[StoredRequest], bool]:
    empty, late = plan.take(HistoryEmpty), plan.take(HistoryLate)
    latest = time.time() - late.seconds if late else float("inf")
    return lambda stored: not empty and stored.submitted_at <= latest and stored.id not in forgotten


def _page(found: Sequence[StoredRequest], query: _Query, base: str) -> JsonObject:
    begin = (query.page - 1) * query.limit
    has_more = len(found) > begin + query.limit
    with_payloads = "payloads" in query.expand
    return {
        "items": [_item(stored, base, with_payloads=with_payloads) for stored in found[begin : begin + query.limit]],
        "next_cursor": base64.b64encode(str(query.page + 1).encode()).decode() if has_more else None,
        "has_more": has_more,
    }


def _item(stored: StoredRequest, base: str, *, with_payloads: bool) -> JsonObject:
    ended, outcome = stored.completed_at, stored.outcome
    item: JsonObject = {
        "request_id": stored.id,
        "endpoint_id": stored.endpoint,
        "sent_at": _moment(stored.submitted_at),
        "started_at": _moment(stored.started_at or stored.submitted_at),
        "ended_at": _moment(ended) if ended else None,
        "status_code": outcome.status if outcome else None,
        "duration": round(ended - stored.submitted_at, 3) if ended else None,
    }
    if not with_payloads:
        return item
    output = responses.with_absolute_urls(outcome.body, base) if outcome else None
    return {**item, "json_input": stored.body, "json_output": output}


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _error(status: int, kind: str, message: str) -> JSONResponse:
    """An error in the form of the platform API."""
    return JSONResponse({"error": {"type": kind, "message": message}}, status)
