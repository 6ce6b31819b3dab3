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

from imagegen.sandbox import answers
from imagegen.sandbox.answers import Refused
from imagegen.sandbox.connection import BrokenAnswer, NoAnswer
from imagegen.sandbox.faults import (
    AnyAnswer,
    SubmitDelay,
    SubmitDrop,
    SubmitGatewayError,
    SubmitStatus,
    WebhookBeforeAnswer,
)
from imagegen.sandbox.parts import Sandbox
from imagegen.sandbox.plans import Plan
from imagegen.sandbox.raw import RawAnswer
from imagegen.sandbox.store import StoredRequest, Submission
from imagegen.sandbox.violations import entry

_KEPT_HEADERS = ("x-fal-", "x-app-fal-", "user-agent", "content-type", "host")
Trouble = SubmitStatus | SubmitGatewayError | SubmitDrop | AnyAnswer


class Submitting:
    """Accepts requests, unless the key's plan says otherwise."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def routes(self) -> list[Route]:
        """Register after every other POST route: it takes any path."""
        return [Route("/{endpoint:path}", self.submit, methods=["POST"])]

    async def submit(self, request: Request) -> Response:
        """Accept the request: it is stored before the answer is sent."""
        endpoint: str = request.path_params["endpoint"]
        app = answers.app_of(endpoint)
        if app is None:
            raise Refused(404, {"error": "Error", "message": f"Path /{endpoint} not found"})
        owner = answers.caller(request)
        body = await _json_body(request)
        submission = _submission(request, owner, endpoint, app, body)
        plan = self._sandbox.plans.of(owner)
        delay, trouble = plan.take(SubmitDelay), _trouble(plan, body)
        if delay and not delay.accepted:
            await asyncio.sleep(delay.seconds)
            if await request.is_disconnected():
                await self._sandbox.store.refuse(owner, endpoint, "the client had gone")
                return Response()
        if trouble and not _accepts(trouble):
            await self._sandbox.store.refuse(owner, endpoint, trouble.fault)
            return _troubled(trouble, None)
        answer = await self._accept(submission, answers.base_of(request))
        if delay and delay.accepted:
            await asyncio.sleep(delay.seconds)
        self._sandbox.dictated[submission.id, "submit"] += isinstance(trouble, AnyAnswer)
        return _troubled(trouble, answer) if trouble else answer

    async def _accept(self, submission: Submission, base: str) -> JSONResponse:
        stored, ahead = await self._sandbox.store.add(submission)
        self._sandbox.start(stored)
        if self._sandbox.plans.of(stored.owner).take(WebhookBeforeAnswer):
            await self._sandbox.deliveries.delivered(stored.id)
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
    """The seed as SQLite can hold it."""
    return (int(seed) + 2**63) % 2**64 - 2**63


async def _json_body(request: Request) -> JsonValue:
    try:
        return json.loads(await request.body())
    except ValueError:
        detail = entry(("body",), "JSON decode error", "json_invalid")
        raise Refused(422, {"detail": [detail]}) from None


def _trouble(plan: Plan, body: JsonValue) -> Trouble | None:
    any_answer = plan.take(AnyAnswer, where=lambda fault: fault.is_for("submit", body))
    return any_answer or plan.take(SubmitStatus, SubmitGatewayError, SubmitDrop)


def _accepted(stored: StoredRequest, base: str, ahead: int) -> JSONResponse:
    return JSONResponse(answers.submitted(stored, base, ahead), headers={"x-fal-request-id": stored.id})


def _accepts(trouble: Trouble) -> bool:
    return trouble.when != "before_accepting" if isinstance(trouble, SubmitDrop) else trouble.accepted


def _troubled(trouble: Trouble, answer: JSONResponse | None) -> Response:
    request_id = answer.headers["x-fal-request-id"] if answer else str(uuid4())
    match trouble:
        case AnyAnswer():
            return RawAnswer(trouble, request_id)
        case SubmitGatewayError():
            return answers.gateway_page(trouble.status)
        case SubmitStatus():
            named = {"x-fal-request-id": request_id} if trouble.request_id else {}
            return answers.planned(trouble.status, trouble.body, {**named, **trouble.headers})
        case SubmitDrop(when="half_body") if answer:
            whole = bytes(answer.body)
            return BrokenAnswer(200, dict(answer.headers), _once(whole[: len(whole) // 2]))
        case SubmitDrop():
            return NoAnswer(trouble.how)


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
