"""/fal/queue: submit, status, result and cancel, as fal's queue has them."""

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from imagegen.api.deps import caller_of, services_of, stream_slot
from imagegen.api.http.body_limits import data_uri_limit
from imagegen.api.http.delivery import WatchedResponse
from imagegen.api.http.policies import Access, BodyPolicy, Caching, RoutePolicy, policy
from imagegen.api.http.prefer import replay_header
from imagegen.api.http.rate_headers import rate_headers
from imagegen.api.sse import KEEP_ALIVE
from imagegen.doors.fal.acceptance import accepting
from imagegen.doors.fal.addresses import urls_of
from imagegen.doors.fal.calls import read_call
from imagegen.doors.fal.error_shapes import REQUEST_ID
from imagegen.doors.fal.result_response import json_response, result_response
from imagegen.doors.fal.status_board import JobStatusEntry, StatusBoard
from imagegen.doors.fal.streams import KEEP_OPEN, EventStream, is_admitted
from imagegen.errors import JobFinished, JobNotFound
from imagegen.jobs import Job, JobStatus
from imagegen.json_object import JsonObject
from imagegen.keys import KeyScope
from imagegen.operations.access import get_visible_job
from imagegen.operations.cancel import cancel

_IN: Final = "/fal/queue/{endpoint:path}"
_OF: Final = f"{_IN}/requests/{{jobId}}"
_YES: Final = frozenset({"1", "true"})
_ANY_BODY: Final = BodyPolicy(None, data_uri_limit)
_READ: Final = RoutePolicy(access=Access.KEYED, scope=KeyScope.READ, caching=Caching.NO_STORE)
_POLLED: Final = RoutePolicy(access=Access.KEYED, scope=KeyScope.READ, caching=Caching.NO_STORE, is_routine=True)
_CHANGE: Final = RoutePolicy(access=Access.KEYED, scope=KeyScope.GENERATE, caching=Caching.NO_STORE)
_SUBMIT: Final = RoutePolicy(access=Access.KEYED, scope=KeyScope.GENERATE, body=_ANY_BODY, caching=Caching.NO_STORE)


def queue_routes(board: StatusBoard) -> Sequence[Route]:
    """The routes of the queue. `board` has the statuses that are polled for."""

    @policy(_SUBMIT)
    async def submit(request: Request) -> Response:
        return await _submit(request, board)

    @policy(_POLLED)
    async def status(request: Request) -> Response:
        return await _status(request, board)

    @policy(_READ)
    async def status_stream(request: Request) -> Response:
        return await _status_stream(request, board)

    return [
        Route(f"{_OF}/status/stream", status_stream, methods=["GET"]),
        Route(f"{_OF}/status", status, methods=["GET"]),
        Route(f"{_OF}/response", _result, methods=["GET"]),
        Route(f"{_OF}/cancel", _cancel, methods=["PUT"]),
        Route(_OF, _result, methods=["GET"]),
        Route(_IN, submit, methods=["POST"]),
    ]


async def _submit(request: Request, board: StatusBoard) -> Response:
    """Accept a request. It is answered at once."""
    endpoint = str(request.path_params["endpoint"])
    call = await read_call(request, endpoint)
    async with accepting(call, request) as listening:
        job, rates = listening.accepted.job, listening.accepted.rates
        replayed = replay_header(replayed=listening.accepted.replayed)
        board.begin(job, services_of(request), is_current=listening.is_current)
        delivery = listening.delivery
    content: JsonObject = {
        "status": "IN_QUEUE",
        "request_id": job.id,
        "gateway_request_id": job.id,
        **urls_of(request, endpoint, job.id),
        "queue_position": 0,
        "logs": None,
        "metrics": {},
    }
    answer = json_response(content, 200, {**call.headers, **replayed, **rate_headers(rates), REQUEST_ID: job.id})
    return WatchedResponse(answer, delivery)


async def _status(request: Request, board: StatusBoard) -> Response:
    """The status: 202 until the job has ended."""
    services, caller = services_of(request), caller_of(request)
    entry = await board.poll(_job_id(request), caller, services)
    status = HTTPStatus.OK if entry.is_final else HTTPStatus.ACCEPTED
    return json_response(_shape(entry, request), status, {REQUEST_ID: _job_id(request)})


async def _status_stream(request: Request, board: StatusBoard) -> Response:
    """The status as server-sent events: at first, at each change, and at the end."""
    services, caller = services_of(request), caller_of(request)
    first = await board.poll(_job_id(request), caller, services, timedelta(0))  # its errors are proper responses

    async with AsyncExitStack() as stack:
        stack.enter_context(stream_slot(request))
        events = _events(first, request, board)
        return EventStream(events, {REQUEST_ID: _job_id(request)}, stack.pop_all())


async def _events(first: JobStatusEntry, request: Request, board: StatusBoard) -> AsyncGenerator[bytes]:
    if first.is_final:
        yield _event(_shape(first, request))
        return
    async for entry in board.changes(_job_id(request), caller_of(request), services_of(request), KEEP_ALIVE):
        if not is_admitted(request):
            return
        yield KEEP_OPEN if entry is None else _event(_shape(entry, request))


@policy(_READ)
async def _result(request: Request) -> Response:
    """The result of an ended request, or its failure."""
    job = await _job(request)
    if not job.status.is_final:
        text = "Request is still in progress"
        content: JsonObject = {"detail": text, "message": text, "error_type": "bad_request"}
        return json_response(content, HTTPStatus.BAD_REQUEST, {REQUEST_ID: job.id})
    return await result_response(job, request)


@policy(_CHANGE)
async def _cancel(request: Request) -> Response:
    """Cancel a request; one of fal's four answers."""
    answer = partial(_cancel_answer, _job_id(request))
    try:
        job = await _job(request)
        if job.status is JobStatus.CANCELLED:
            return answer(HTTPStatus.BAD_REQUEST, "ALREADY_COMPLETED", "The request is cancelled already.")
        after = await cancel(job, services_of(request))
    except JobNotFound as error:
        return answer(HTTPStatus.NOT_FOUND, "NOT_FOUND", str(error))
    except JobFinished as error:
        return answer(HTTPStatus.BAD_REQUEST, "ALREADY_COMPLETED", str(error))
    if after.status is JobStatus.CANCELLED:
        return answer(HTTPStatus.OK, "OK", None)
    return answer(HTTPStatus.ACCEPTED, "CANCELLATION_REQUESTED", None)


def _cancel_answer(job_id: str, status: HTTPStatus, word: str, text: str | None) -> Response:
    content: JsonObject = {"status": word} if text is None else {"status": word, "detail": text, "message": text}
    return json_response(content, status, {REQUEST_ID: job_id})


def _shape(entry: JobStatusEntry, request: Request) -> JsonObject:
    urls = urls_of(request, str(request.path_params["endpoint"]), _job_id(request))
    return entry.shape(urls, with_logs=request.query_params.get("logs", "").lower() in _YES)


def _event(shape: JsonObject) -> bytes:
    return f"data: {json.dumps(shape)}\n\n".encode()


def _job_id(request: Request) -> str:
    return str(request.path_params["jobId"])


async def _job(request: Request) -> Job:
    return await get_visible_job(_job_id(request), services_of(request).jobs, caller_of(request))
