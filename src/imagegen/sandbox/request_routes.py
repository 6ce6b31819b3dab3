"""The calls on a request: status, status stream, result and cancel."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from imagegen.sandbox import responses
from imagegen.sandbox.components import Sandbox
from imagegen.sandbox.connection import DroppedResponse, cut_connection
from imagegen.sandbox.fault_plans import FaultPlan
from imagegen.sandbox.faults import (
    AnyAnswer,
    BillableUnitsAbsent,
    ForeignMediaHost,
    Read,
    ReadDelay,
    ReadDrop,
    ReadStatus,
    RequestForgotten,
    ResultExpired,
)
from imagegen.sandbox.raw_responses import RawResponse
from imagegen.sandbox.store import StoredRequest

_CANCEL_STATUS = {"OK": 200, "CANCELLATION_REQUESTED": 202, "ALREADY_COMPLETED": 400}


class RequestRoutes:
    """The calls of a client on its own requests. A request of another key is not found."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def routes(self) -> list[Route]:
        """The routes of the four calls."""
        url = "/{app:path}/requests/{request_id}"
        return [
            Route(f"{url}/status/stream", self.stream),
            Route(f"{url}/status", self.status),
            Route(f"{url}/response", self.result),
            Route(f"{url}/cancel", self.cancel, methods=["PUT"]),
            Route(url, self.result),
        ]

    async def status(self, request: Request) -> Response:
        """Answer 202 until the request is COMPLETED, then 200."""

        async def answer(found: StoredRequest, _: FaultPlan) -> Response:
            ahead = await self._sandbox.store.ahead_of(found) if found.state == "IN_QUEUE" else 0
            body = responses.status_body(found, responses.base_url_of(request), ahead, with_logs=_with_logs(request))
            return JSONResponse(body, 200 if found.state == "COMPLETED" else 202)

        return await self._answered(request, "status", answer)

    async def stream(self, request: Request) -> Response:
        """Stream server-sent events: the status at once and at every change, until COMPLETED."""

        async def answer(found: StoredRequest, plan: FaultPlan) -> Response:
            drop = plan.take(ReadDrop, where=lambda fault: "stream" in fault.on)
            if drop and not drop.after_events:
                return DroppedResponse(drop.how)
            return StreamingResponse(self._events(request, found.id, drop), media_type="text/event-stream")

        return await self._answered(request, "stream", answer)

    async def result(self, request: Request) -> Response:
        """Answer with the model's result; 400 before the end."""

        async def answer(found: StoredRequest, plan: FaultPlan) -> Response:
            if found.outcome is None:
                return responses.still_running()
            if plan.take(ResultExpired):
                return responses.not_found()
            headers = dict(found.outcome.headers)
            if found.outcome.billable_units is not None and not plan.take(BillableUnitsAbsent):
                headers["X-Fal-Billable-Units"] = str(found.outcome.billable_units)
            foreign = plan.take(ForeignMediaHost)
            base = foreign.base_url if foreign else responses.base_url_of(request)
            return JSONResponse(responses.with_absolute_urls(found.outcome.body, base), found.outcome.status, headers)

        return await self._answered(request, "result", answer)

    async def cancel(self, request: Request) -> Response:
        """Remove a queued request at once; ask a running one to stop."""

        async def answer(found: StoredRequest, _: FaultPlan) -> Response:
            done = await self._sandbox.store.cancel(found.id)
            return JSONResponse({"status": done}, _CANCEL_STATUS[done])

        return await self._answered(request, "cancel", answer)

    async def _answered(
        self, request: Request, read: Read, answer: Callable[[StoredRequest, FaultPlan], Awaitable[Response]]
    ) -> Response:
        owner = responses.caller(request)
        found = await self._sandbox.store.find(request.path_params["request_id"])
        if found is None or found.owner != owner or found.app != request.path_params["app"]:
            return responses.not_found()
        self._sandbox.reads[found.id, read] += 1
        plan = self._sandbox.plans.of(owner)
        if delay := plan.take(ReadDelay, where=lambda fault: read in fault.on):
            await asyncio.sleep(delay.seconds)
        if self._is_forgotten(found.id, plan, read):
            return responses.not_found()
        if planned := plan.take(AnyAnswer, where=lambda fault: fault.is_for(read, found.body)):
            if read == "cancel" and planned.accepted:
                await self._sandbox.store.cancel(found.id)
            self._sandbox.raw_answers[found.id, read] += 1
            return RawResponse(planned, found.id)
        if error := _planned_error(plan, read, found.id):
            return error
        response = await answer(found, plan)
        response.headers.setdefault("x-fal-request-id", found.id)
        return response

    def _is_forgotten(self, request_id: str, plan: FaultPlan, read: Read) -> bool:
        if request_id not in self._sandbox.forgotten and read != "cancel" and plan.take(RequestForgotten):
            self._sandbox.forgotten.add(request_id)
        return request_id in self._sandbox.forgotten

    async def _events(self, request: Request, request_id: str, drop: ReadDrop | None) -> AsyncIterator[str]:
        base, with_logs, sent = responses.base_url_of(request), _with_logs(request), 0
        while True:
            change = self._sandbox.store.watch(request_id)
            now = await self._sandbox.store.find(request_id)
            assert now is not None, "requests are never deleted"
            ahead = await self._sandbox.store.ahead_of(now)
            yield f"data: {json.dumps(responses.status_body(now, base, ahead, with_logs=with_logs))}\n\n"
            sent += 1
            if drop and sent == drop.after_events:
                cut_connection(request.scope, drop.how)
                return
            if now.state == "COMPLETED":
                return
            async for comment in self._silence(change):
                yield comment

    async def _silence(self, change: asyncio.Event) -> AsyncIterator[str]:
        while not change.is_set():
            try:
                async with asyncio.timeout(self._sandbox.options.keep_alive):
                    await change.wait()
            except TimeoutError:
                yield ": keep-alive\n\n"


def _planned_error(plan: FaultPlan, read: Read, request_id: str) -> Response | None:
    """A planned error. The drop of a stream is left to the stream, which may send events first."""
    match plan.take(ReadStatus, ReadDrop, where=lambda fault: read in fault.on and not _is_left_to_stream(fault, read)):
        case ReadStatus() as error:
            named = {"x-fal-request-id": request_id} if error.request_id else {}
            return responses.planned_response(error.status, error.body, {**named, **error.headers})
        case ReadDrop() as error:
            return DroppedResponse(error.how)
        case _:
            return None


def _is_left_to_stream(fault: ReadStatus | ReadDrop, read: Read) -> bool:
    return read == "stream" and isinstance(fault, ReadDrop)


def _with_logs(request: Request) -> bool:
    return request.query_params.get("logs", "").lower() in {"1", "true"}
