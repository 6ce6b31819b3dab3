"""The sandbox's own calls: fault plans, the ledger of requests, health. Plans and ledger belong to one key."""

from typing import get_args

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from imagegen.sandbox.components import Sandbox
from imagegen.sandbox.endpoint_schemas import JsonObject
from imagegen.sandbox.faults import Call, Fault
from imagegen.sandbox.responses import RefusedRequest, owner_of
from imagegen.sandbox.store import StoredRequest

_READS = ("status", "stream", "result", "cancel", "media")


class FaultPlanBody(BaseModel):
    """The body of `PUT /_sandbox/faults`. It replaces the whole plan of the key."""

    model_config = ConfigDict(extra="forbid")

    key: str = Field(pattern=r"^[^:]+:.+$")
    faults: tuple[Fault, ...]


class ControlRoutes:
    """Calls for tests and for `imagegen.local`; fal has no equivalent."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def routes(self) -> list[Route]:
        """The routes under /_sandbox."""
        return [
            Route("/_sandbox/health", self.health),
            Route("/_sandbox/faults", self.put_plan, methods=["PUT"]),
            Route("/_sandbox/faults", self.delete_plan, methods=["DELETE"]),
            Route("/_sandbox/requests", self.ledger),
        ]

    async def health(self, _: Request) -> Response:
        """Answer 200 once requests are accepted."""
        return JSONResponse({"status": "ok"})

    async def put_plan(self, request: Request) -> Response:
        """Replace a key's plan; 422 with Pydantic's list of errors if the plan is wrong."""
        try:
            plan = FaultPlanBody.model_validate_json(await request.body())
        except ValidationError as error:
            return Response(f'{{"detail": {error.json(include_url=False)}}}', 422, media_type="application/json")
        self._sandbox.plans.replace(owner_of(plan.key), plan.faults)
        return JSONResponse({"faults": [fault.model_dump(mode="json") for fault in plan.faults]})

    async def delete_plan(self, request: Request) -> Response:
        """Delete the plan of `?key=`."""
        self._sandbox.plans.clear(_owner(request))
        return Response(status_code=204)

    async def ledger(self, request: Request) -> Response:
        """List every submit of `?key=` that was read: accepted ones as requests, the others as refused."""
        owner = _owner(request)
        requests = await self._sandbox.store.requests_of(owner)
        refusals = await self._sandbox.store.refusals(owner)
        body: JsonObject = {
            "submits": len(requests) + len(refusals),
            "accepted": len(requests),
            "refused": [refusal.model_dump(mode="json") for refusal in refusals],
            "requests": [self._row(stored) for stored in requests],
        }
        return JSONResponse(body)

    def _row(self, stored: StoredRequest) -> JsonValue:
        outcome = stored.outcome
        reads: JsonObject = {read: self._sandbox.reads[stored.id, read] for read in _READS}
        return {
            "request_id": stored.id,
            "endpoint": stored.endpoint,
            "body": stored.body,
            "query": dict(stored.query),
            "headers": dict(stored.headers),
            "seed": stored.seed,
            "state": stored.state,
            "result_status": outcome.status if outcome else None,
            "error_type": outcome.error_type if outcome else None,
            "billable_units": outcome.billable_units if outcome else None,
            "submitted_at": stored.submitted_at,
            "started_at": stored.started_at,
            "completed_at": stored.completed_at,
            "reads": reads,
            "dictated": {call: self._sandbox.raw_answers[stored.id, call] for call in get_args(Call)},
            "webhooks": {
                "sent": self._sandbox.webhooks.sent[stored.id],
                "taken": self._sandbox.webhooks.accepted[stored.id],
            },
        }


def _owner(request: Request) -> str:
    key = request.query_params.get("key")
    if not key:
        raise RefusedRequest(422, {"detail": "name the key: ?key=id:secret"})
    return owner_of(key)
