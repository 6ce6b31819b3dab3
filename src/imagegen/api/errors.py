"""The one translator from imagegen's errors to HTTP: problem details (RFC 9457) for all that is not a success."""

import logging
import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import JsonValue
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException
from starlette.types import Scope

from imagegen.api.methods import allowed_methods
from imagegen.api.parameters import parameter_faults
from imagegen.api.paths import no_such_path, wrong_method
from imagegen.api.request_ids import HEADER, current_request_id
from imagegen.api.schemas import Problem, ProblemFault
from imagegen.errors import (
    BatchNotFound,
    DocumentRefused,
    Fault,
    IdempotencyMismatch,
    InvalidInput,
    InvalidQuery,
    InvalidRequest,
    JobDeleted,
    JobFinished,
    JobNotFound,
    JobUnfinished,
    ModelNotAllowed,
    NotAllowed,
    NotToBeRetried,
    SubmittingPaused,
    Unavailable,
    UnknownModel,
)
from imagegen.jobs import INPUT_REFUSED, OUTPUT_REFUSED, PROVIDER_ACCOUNT, Job
from imagegen.logs import without_secret
from imagegen.registry import Registry
from imagegen.storage.acceptance import AcceptanceUnknown
from imagegen.storage.batches import BatchUnknown

BATCH: Final = "/api/images/batch"
ESTIMATE: Final = "/api/images/estimate-cost"
_MODEL: Final = "/api/images/models/"
PROBLEM_JSON: Final = "application/problem+json"
RETRY_AFTER: Final = {"Retry-After": "5"}
_MOST_SHOWN: Final = 200
_TYPES: Final = "urn:imagegen:problem:"
_UNREADABLE: Final = Fault(pointer="", code="malformed_json", message="The body must be JSON, encoded in UTF-8.")
_JSON_WANTED: Final = "Send the body as JSON, with the header Content-Type: application/json."
_log = logging.getLogger("imagegen.api")


class Refusal(HTTPException):
    """What is refused at the edge of HTTP, with a code of its own."""

    def __init__(self, status: HTTPStatus, code: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status.value, detail, headers)
        self.code = code


class JobFailed(Exception):
    """A waited-for job ended without pictures."""

    def __init__(self, job: Job) -> None:
        super().__init__(job.id)
        self.job = job


def problem(
    status: HTTPStatus,
    code: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    **members: object,
) -> JSONResponse:
    """An error answer; members that are None or empty are left out."""
    body = Problem.model_validate(
        {
            "type": _TYPES + code.replace("_", "-"),
            "title": status.phrase,
            "status": status.value,
            "detail": detail,
            "code": code,
            "request_id": current_request_id(),
            **members,
        }
    )
    content = body.model_dump(mode="json", exclude_none=True)
    return JSONResponse(content, status, headers=dict(headers or {}), media_type=PROBLEM_JSON)


def translate_errors(app: FastAPI, registry: Registry) -> None:
    """Give the application its only exception handlers."""

    async def http_error(request: Request, error: Exception) -> JSONResponse:
        path = request.scope["path"]
        if isinstance(error, HTTPException) and error.status_code == HTTPStatus.NOT_FOUND and path.startswith(_MODEL):
            try:
                registry.model(path.removeprefix(_MODEL))  # an endpoint of fal's has slashes, which the router parts
            except UnknownModel as unknown:
                return await invalid_request(request, unknown)
        return await _http_error(request, error)

    async def invalid_body(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        if error.body and not is_json(request):
            return problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", _JSON_WANTED)
        return await invalid_request(request, _refusal(error, registry, request.scope))

    app.add_exception_handler(RequestValidationError, invalid_body)
    app.add_exception_handler(InvalidRequest, invalid_request)
    app.add_exception_handler(NotAllowed, _not_allowed)
    app.add_exception_handler(JobNotFound, _not_found)
    app.add_exception_handler(JobFinished, _finished)
    app.add_exception_handler(BatchNotFound, _no_batch)
    app.add_exception_handler(JobDeleted, _deleted)
    app.add_exception_handler(JobUnfinished, _unfinished)
    app.add_exception_handler(NotToBeRetried, _not_to_be_retried)
    app.add_exception_handler(Unavailable, _unavailable)
    app.add_exception_handler(DocumentRefused, _not_to_be_kept)
    app.add_exception_handler(SubmittingPaused, _paused)
    app.add_exception_handler(JobFailed, _job_failed)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(Exception, _defect)


async def invalid_request(request: Request, error: Exception) -> JSONResponse:
    """The caller's fault: 400, 404 for a model named in the path, 409 where a key is used twice."""
    match error:
        case UnknownModel():
            return problem(
                HTTPStatus.NOT_FOUND if request.method == "GET" else HTTPStatus.BAD_REQUEST,
                "unknown_model",
                " ".join(fault.message for fault in error.faults),
                valid_models=error.valid,
                suggestion=error.suggestion,
                errors=[_fault(fault) for fault in error.faults] if error.others else None,
            )
        case IdempotencyMismatch():
            return problem(
                HTTPStatus.CONFLICT, "idempotency_mismatch", str(error), job_id=error.job_id, batch_id=error.batch_id
            )
        case InvalidInput():
            return problem(
                HTTPStatus.BAD_REQUEST,
                "invalid_query" if isinstance(error, InvalidQuery) else "invalid_input",
                str(error),
                errors=[_fault(fault) for fault in error.faults],
                missing=error.missing or None,
            )
        case _:
            return problem(HTTPStatus.BAD_REQUEST, "invalid_request", str(error))


async def _not_allowed(_request: Request, error: Exception) -> JSONResponse:
    code = "model_not_allowed" if isinstance(error, ModelNotAllowed) else "user_not_allowed"
    return problem(HTTPStatus.FORBIDDEN, code, str(error))


async def _not_found(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, JobNotFound)
    return problem(HTTPStatus.NOT_FOUND, "job_not_found", str(error), job_id=error.job_id)


async def _finished(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, JobFinished)
    return problem(HTTPStatus.CONFLICT, "job_finished", str(error), job_id=error.job_id)


async def _no_batch(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, BatchNotFound)
    return problem(HTTPStatus.NOT_FOUND, "batch_not_found", str(error), batch_id=error.batch_id)


async def _deleted(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, JobDeleted)
    return problem(HTTPStatus.GONE, "job_deleted", str(error), job_id=error.job_id)


async def _unfinished(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, JobUnfinished)
    headers = {"Retry-After": "1"}
    return problem(
        HTTPStatus.CONFLICT, "job_unfinished", str(error), headers=headers, job_id=error.job_id, retryable=True
    )


async def _not_to_be_retried(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, NotToBeRetried)
    return problem(HTTPStatus.CONFLICT, "not_to_be_retried", str(error), job_id=error.job_id)


async def _unavailable(_request: Request, error: Exception) -> JSONResponse:
    return problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "unavailable",
        f"{str(error).rstrip('.')}. Try again after the seconds in Retry-After.",
        headers=RETRY_AFTER,
        job_id=error.job_id if isinstance(error, AcceptanceUnknown) else None,
        batch_id=error.batch_id if isinstance(error, BatchUnknown) else None,
        retryable=True,
    )


async def _not_to_be_kept(_request: Request, _error: Exception) -> JSONResponse:
    detail = "MongoDB cannot keep so large a request. Nothing was stored or sent; send less text."
    return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", detail)


async def _paused(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, SubmittingPaused)
    headers = {"Retry-After": str(max(1, math.ceil(error.retry_after.total_seconds())))}
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, PROVIDER_ACCOUNT, str(error), headers=headers, retryable=True)


async def _job_failed(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, JobFailed)
    failure = error.job.error
    assert failure is not None
    refused = failure.code in {INPUT_REFUSED, OUTPUT_REFUSED}
    return problem(
        HTTPStatus.UNPROCESSABLE_ENTITY if refused else HTTPStatus.INTERNAL_SERVER_ERROR,
        failure.code,
        failure.message,
        headers={"Location": f"/api/jobs/{error.job.id}"},
        job_id=error.job.id,
        fal_status=failure.fal_status,
        fal_error_type=failure.fal_error_type,
        retryable=failure.retryable,
        charged=error.job.cost.total_cost > 0,
    )


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    """What the router itself says: no such path, wrong method, a body that cannot be read."""
    assert isinstance(error, HTTPException)
    status, headers = HTTPStatus(error.status_code), dict(error.headers or {})
    if isinstance(error, Refusal):
        return problem(status, error.code, str(error.detail), headers=headers)
    if isinstance(error.__cause__, InvalidRequest):  # FastAPI's wrapping of what went wrong while it read the body
        return await invalid_request(request, error.__cause__)
    if status is HTTPStatus.BAD_REQUEST:
        return await invalid_request(request, InvalidInput([_UNREADABLE]))
    detail, path, routes = str(error.detail), without_secret(request.scope["path"]), request.app.routes
    if status is HTTPStatus.METHOD_NOT_ALLOWED:  # the router knows the methods of one route, not of the path
        allowed = allowed_methods(routes, request.scope["path"])
        headers["Allow"] = ", ".join(allowed)
        detail = wrong_method(request.method, path, allowed)
    elif status is HTTPStatus.NOT_FOUND:
        detail = no_such_path(request.method, path, routes)
    return problem(status, status.name.lower(), detail, headers=headers)


async def _defect(request: Request, error: Exception) -> JSONResponse:
    request_id = current_request_id()
    path = without_secret(request.scope["path"])[:_MOST_SHOWN]
    _log.error("%s %r: unexpected error (request %s)", request.method, path, request_id, exc_info=error)
    detail = "Something went wrong inside imagegen. Its log has the reason, under the requestId of this answer."
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", detail, headers={HEADER: request_id})


def is_json(request: Request) -> bool:
    """Whether the body is declared as JSON."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return media_type == "application/json" or (media_type.startswith("application/") and media_type.endswith("+json"))


def _refusal(error: RequestValidationError, registry: Registry, scope: Scope) -> InvalidRequest:
    """Every fault of a request: the registry explains those of the body, the route those of everything else."""
    errors = cast("Sequence[ErrorDetails]", error.errors())
    of_body = [fault for fault in errors if fault["loc"][0] == "body"]
    others = parameter_faults((fault for fault in errors if fault["loc"][0] != "body"), scope["route"])
    if not of_body:
        return InvalidQuery(others)
    refusal = _body_refusal(of_body, error.body, registry, scope["path"])
    if isinstance(refusal, UnknownModel):
        refusal.others = (*refusal.others, *others)
        return refusal
    return InvalidInput([*refusal.faults, *others]) if isinstance(refusal, InvalidInput) else refusal


def _body_refusal(errors: Sequence[ErrorDetails], body: JsonValue, registry: Registry, path: str) -> InvalidRequest:
    if path == BATCH:
        return registry.batch_refusal(errors, body)
    return registry.refusal(errors, body, planned=path == ESTIMATE)


def _fault(fault: Fault) -> ProblemFault:
    return ProblemFault(
        pointer=fault.pointer,
        code=fault.code,
        message=fault.message,
        valid=list(fault.valid) or None,
        suggestion=fault.suggestion,
        location=fault.location,
    )
