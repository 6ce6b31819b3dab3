"""/fal/run: an endpoint's result in one call, and as a stream."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from imagegen.api.deps import services_of, waiting_slot
from imagegen.api.http.body_limits import data_uri_limit
from imagegen.api.http.delivery import WatchedResponse, failing
from imagegen.api.http.long_wait import long_wait
from imagegen.api.http.policies import Access, BodyPolicy, Caching, RoutePolicy, policy
from imagegen.api.http.problems import RETRY_AFTER, HttpProblem
from imagegen.api.http.rate_headers import rate_headers
from imagegen.api.sse import KEEP_ALIVE
from imagegen.doors.fal.acceptance import Listening, accepting
from imagegen.doors.fal.calls import read_call
from imagegen.doors.fal.error_shapes import REQUEST_ID
from imagegen.doors.fal.long_answers import ended_job
from imagegen.doors.fal.result_response import json_response, result_response
from imagegen.doors.fal.streams import KEEP_OPEN, EventStream
from imagegen.jobs import Job
from imagegen.keys import KeyScope
from imagegen.wire.fal_results import failure_of

_IN: Final = "/fal/run/{endpoint:path}"
_POLICY: Final = RoutePolicy(
    access=Access.KEYED, scope=KeyScope.GENERATE, body=BodyPolicy(None, data_uri_limit), caching=Caching.NO_STORE
)
# A stream begins so late that most failures are still a status of their own.
_SILENT: Final = timedelta(seconds=25)
_TOO_MANY: Final = (
    "Too many requests are waiting (IMAGEGEN_MAX_WAITING), or too many of yours. Try again later, or use the queue."
)


def run_routes() -> Sequence[Route]:
    """The routes of synchronous calls."""
    return [Route(f"{_IN}/stream", _stream, methods=["POST"]), Route(_IN, _run, methods=["POST"])]


@policy(_POLICY)
async def _run(request: Request) -> Response:
    """Accept a request and answer with its result. A failure that comes late breaks off; the repeat is told of it."""
    async with AsyncExitStack() as stack:
        listening, headers = await _begin(request, stack)
        until_answered = stack.pop_all()

    async def settle() -> Response:
        async with until_answered:
            job = await ended_job(listening, request)
            return await _answer(job, listening, request, headers)

    with failing(listening.delivery):
        return WatchedResponse(await long_wait(settle), listening.delivery)


@policy(_POLICY)
async def _stream(request: Request) -> Response:
    """Accept a request and answer with its result as the only event, after comments that keep the connection open."""
    async with AsyncExitStack() as stack:
        listening, headers = await _begin(request, stack)
        job = await ended_job(listening, request, _SILENT)
        if job is not None and job.status.is_final and failure_of(job) is not None:
            return WatchedResponse(await _answer(job, listening, request, headers), listening.delivery)
        headers = {**headers, REQUEST_ID: listening.accepted.job.id}
        events = EventStream(_events(job, listening, request), headers, stack.pop_all())
        return WatchedResponse(events, listening.delivery)


async def _begin(request: Request, stack: AsyncExitStack) -> tuple[Listening, Mapping[str, str]]:
    """Accept a request that waits for its result, if there is a slot to wait in."""
    call = await read_call(request, str(request.path_params["endpoint"]))
    if not stack.enter_context(waiting_slot(request)()):
        raise HttpProblem(HTTPStatus.SERVICE_UNAVAILABLE, "too_many_waiting", _TOO_MANY, RETRY_AFTER)
    listening = await stack.enter_async_context(accepting(call, request))
    return listening, {**call.headers, **rate_headers(listening.accepted.rates)}


async def _answer(job: Job | None, listening: Listening, request: Request, headers: Mapping[str, str]) -> Response:
    if job is not None and job.status.is_final:
        return await result_response(job, request, headers, of_run=True)
    job_id = listening.accepted.job.id
    text = f"The service stops before request {job_id} has ended. The request goes on: ask the queue for its result."
    content = {"detail": text, "message": text, "error_type": "internal_error"}
    return json_response(content, HTTPStatus.INTERNAL_SERVER_ERROR, {**headers, REQUEST_ID: job_id})


async def _events(job: Job | None, listening: Listening, request: Request) -> AsyncGenerator[bytes]:
    while job is not None and not job.status.is_final and not services_of(request).stopping.is_set():
        yield KEEP_OPEN
        job = await ended_job(listening, request, KEEP_ALIVE)
    answer = await _answer(job, listening, request, {})
    if answer.status_code == HTTPStatus.OK:
        yield b"data: " + bytes(answer.body) + b"\n\n"
    else:  # the status is sent already: a text that is no JSON makes the clients raise
        yield b"event: error\ndata: The request failed: " + bytes(answer.body) + b"\n\n"
