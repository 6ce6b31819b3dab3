"""The submit call: `POST /{owner}/{app}[/{path}]` with the model's input as its body."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from uuid import uuid4

from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from imagegen.sandbox import responses
from imagegen.sandbox.components import Sandbox
from imagegen.sandbox.connection import DroppedResponse, TruncatedResponse
from imagegen.sandbox.fault_plans import FaultPlan
from imagegen.sandbox.faults import (
    AnyAnswer,
    SubmitDelay,
    SubmitDrop,
    SubmitGatewayError,
    SubmitStatus,
    WebhookBeforeAnswer,
)
from imagegen.sandbox.raw_responses import RawResponse
from imagegen.sandbox.responses import RefusedRequest
from imagegen.sandbox.store import StoredRequest, Submission
from imagegen.sandbox.violations import entry

_KEPT_HEADERS = ("x-fal-", "x-app-fal-", "user-agent", "content-type", "host")
SubmitFault = SubmitStatus | SubmitGatewayError | SubmitDrop | AnyAnswer


class SubmitRoutes:
    """Accepts requests unless the key's plan says otherwise."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def routes(self) -> list[Route]:
        """Register after every other POST route, because it matches any path."""
        return [Route("/{endpoint:path}", self.submit, methods=["POST"])]

    async def submit(self, request: Request) -> Response:
        """Accept the request. It is stored before the answer is sent."""
        endpoint: str = request.path_params["endpoint"]
        app = responses.app_of(endpoint)
        if app is None:
            raise RefusedRequest(404, {"error": "Error", "message": f"Path /{endpoint} not found"})
        owner = responses.caller(request)
        body = await _json_body(request)
        submission = _submission(request, owner, endpoint, app, body)
        plan = self._sandbox.plans.of(owner)
        delay, fault = plan.take(SubmitDelay), _planned_fault(plan, body)
        if delay and not delay.accepted:
            await asyncio.sleep(delay.seconds)
            if await request.is_disconnected():
                await self._sandbox.store.add_refusal(owner, endpoint, "the client disconnected")
                return Response()
        if fault and not _accepts(fault):
            await self._sandbox.store.add_refusal(owner, endpoint, fault.fault)
            return _faulty_response(fault, None)
        answer = await self._accept(submission, responses.base_url_of(request))
        if delay and delay.accepted:
            await asyncio.sleep(delay.seconds)
        self._sandbox.raw_answers[submission.id, "submit"] += isinstance(fault, AnyAnswer)
        return _faulty_response(fault, answer) if fault else answer

    async def _accept(self, submission: Submission, base: str) -> JSONResponse:
        stored, ahead = await self._sandbox.store.add(submission)
        self._sandbox.start(stored)
        if self._sandbox.plans.of(stored.owner).take(WebhookBeforeAnswer):
            await self._sandbox.webhooks.wait_until_delivered(stored.id)
        return _accepted(stored, base, ahead)


def _submission(request: Request, owner: str, endpoint: str, app: str, body: JsonValue) -> Submission:
    seed = body.get("seed") if isinstance(body, dict) else None
    return Submission(
        id=str(uuid4()),
        owner=owner,
        endpoint=endpoint,
        app=app,
        body=body,
        headers={name: value for name, value in request.headers.items() if name.startswith(_KEPT_HEADERS)},
        query=dict(request.query_params),
        seed=_signed_64(seed) if isinstance(seed, int | float) else secrets.randbelow(2**32),
    )


def _signed_64(seed: float) -> int:
    """The seed as a signed 64-bit integer, which SQLite can store."""
    return (int(seed) + 2**63) % 2**64 - 2**63


async def _json_body(request: Request) -> JsonValue:
    try:
        return json.loads(await request.body())
    except ValueError:
        detail = entry(("body",), "JSON decode error", "json_invalid")
        raise RefusedRequest(422, {"detail": [detail]}) from None


def _planned_fault(plan: FaultPlan, body: JsonValue) -> SubmitFault | None:
    any_answer = plan.take(AnyAnswer, where=lambda planned: planned.is_for("submit", body))
    return any_answer or plan.take(SubmitStatus, SubmitGatewayError, SubmitDrop)


def _accepted(stored: StoredRequest, base: str, ahead: int) -> JSONResponse:
    return JSONResponse(responses.submit_body(stored, base, ahead), headers={"x-fal-request-id": stored.id})


def _accepts(fault: SubmitFault) -> bool:
    return fault.when != "before_accepting" if isinstance(fault, SubmitDrop) else fault.accepted


def _faulty_response(fault: SubmitFault, answer: JSONResponse | None) -> Response:
    request_id = answer.headers["x-fal-request-id"] if answer else str(uuid4())
    match fault:
        case AnyAnswer():
            return RawResponse(fault, request_id)
        case SubmitGatewayError():
            return responses.gateway_page(fault.status)
        case SubmitStatus():
            named = {"x-fal-request-id": request_id} if fault.request_id else {}
            return responses.planned_response(fault.status, fault.body, {**named, **fault.headers})
        case SubmitDrop(when="half_body") if answer:
            whole = bytes(answer.body)
            return TruncatedResponse(200, dict(answer.headers), _once(whole[: len(whole) // 2]))
        case SubmitDrop():
            return DroppedResponse(fault.how)


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
