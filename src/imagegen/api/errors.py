"""Translates imagegen's errors to HTTP: each becomes a problem (RFC 9457). Nothing else does."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import JsonValue
from pydantic_core import ErrorDetails
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.types import Scope

from imagegen.api.http.image_stream import FOR_ALL_ORIGINS
from imagegen.api.http.intake import intake_of
from imagegen.api.http.media_types import is_json
from imagegen.api.http.parameters import parameter_faults
from imagegen.api.http.paths import allowed_methods, no_such_path, wrong_method
from imagegen.api.http.policies import policy_of
from imagegen.api.http.problems import HttpProblem, insufficient_scope, problem, unavailable
from imagegen.api.http.rate_headers import key_rate_headers, rate_headers
from imagegen.api.http.request_ids import HEADER, current_request_id
from imagegen.errors import (
    BatchNotFound,
    BeyondRate,
    BudgetConflict,
    BudgetDeleted,
    BudgetExceeded,
    BudgetNotFound,
    CatalogRefused,
    DocumentRefused,
    Fault,
    GrantNotAllowed,
    IdempotencyMismatch,
    ImageGone,
    InvalidInput,
    InvalidQuery,
    InvalidRequest,
    JobDeleted,
    JobFinished,
    JobNotFound,
    JobNotRetryable,
    JobUnfinished,
    KeyConflict,
    KeyExpired,
    KeyNotFound,
    KeyRevoked,
    LinkEnded,
    LinkNotFound,
    ModelNotAllowed,
    ModelRetired,
    NotAllowed,
    RateLimited,
    RateState,
    ScopeMissing,
    SubmittingPaused,
    TooManyBudgets,
    TooManyKeys,
    Unavailable,
    UnknownModel,
)
from imagegen.jobs import INPUT_REFUSED, OUTPUT_REFUSED, PROVIDER_ACCOUNT, Job
from imagegen.observability.logs import without_secret
from imagegen.registry import Registry
from imagegen.wire.budget_serializers import refusing_budgets
from imagegen.wire.problem_schemas import ProblemFault, ProblemLimit

_MOST_SHOWN: Final = 200
_UNREADABLE: Final = Fault(pointer="", code="malformed_json", message="The body must be JSON, encoded in UTF-8.")
_JSON_WANTED: Final = "Send the body as JSON, with the header Content-Type: application/json."
_log = logging.getLogger("imagegen.api")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Translation:
    """The problem that an error becomes.

    Attributes:
        detail: makes the detail from the error; by default it is the error's message.
        members: further members of the problem, besides those that the error has: `jobId`, `batchId`, `keyId`,
            `budgetId`, faults.
    """

    status: HTTPStatus
    code: str
    detail: Callable[[Exception], str] = str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    members: Mapping[str, object] = field(default_factory=dict[str, object])


def _too_large(_error: Exception) -> str:
    return "The request is too large for MongoDB. Nothing was stored or sent; send less text."


_TRANSLATIONS: Final[Mapping[type[Exception], _Translation]] = {
    NotAllowed: _Translation(status=HTTPStatus.FORBIDDEN, code="user_not_allowed"),
    ModelNotAllowed: _Translation(status=HTTPStatus.FORBIDDEN, code="model_not_allowed"),
    GrantNotAllowed: _Translation(status=HTTPStatus.FORBIDDEN, code="grant_not_allowed"),
    BeyondRate: _Translation(status=HTTPStatus.FORBIDDEN, code="beyond_rate", members={"retryable": False}),
    KeyNotFound: _Translation(status=HTTPStatus.NOT_FOUND, code="key_not_found"),
    KeyRevoked: _Translation(status=HTTPStatus.CONFLICT, code="key_revoked"),
    KeyExpired: _Translation(status=HTTPStatus.CONFLICT, code="key_expired"),
    KeyConflict: _Translation(status=HTTPStatus.CONFLICT, code="key_conflict", members={"retryable": True}),
    BudgetNotFound: _Translation(status=HTTPStatus.NOT_FOUND, code="budget_not_found"),
    BudgetDeleted: _Translation(status=HTTPStatus.CONFLICT, code="budget_deleted"),
    BudgetConflict: _Translation(status=HTTPStatus.CONFLICT, code="budget_conflict", members={"retryable": True}),
    CatalogRefused: _Translation(status=HTTPStatus.UNPROCESSABLE_ENTITY, code="catalog_refused"),
    TooManyKeys: _Translation(status=HTTPStatus.CONFLICT, code="too_many_keys"),
    TooManyBudgets: _Translation(status=HTTPStatus.CONFLICT, code="too_many_budgets"),
    JobNotFound: _Translation(status=HTTPStatus.NOT_FOUND, code="job_not_found"),
    BatchNotFound: _Translation(status=HTTPStatus.NOT_FOUND, code="batch_not_found"),
    JobFinished: _Translation(status=HTTPStatus.CONFLICT, code="job_finished"),
    JobUnfinished: _Translation(
        status=HTTPStatus.CONFLICT,
        code="job_unfinished",
        headers={"Retry-After": "1"},
        members={"retryable": True},
    ),
    IdempotencyMismatch: _Translation(status=HTTPStatus.CONFLICT, code="idempotency_mismatch"),
    JobNotRetryable: _Translation(status=HTTPStatus.CONFLICT, code="not_to_be_retried"),
    JobDeleted: _Translation(status=HTTPStatus.GONE, code="job_deleted"),
    LinkNotFound: _Translation(status=HTTPStatus.NOT_FOUND, code="link_not_found", headers=FOR_ALL_ORIGINS),
    LinkEnded: _Translation(status=HTTPStatus.GONE, code="link_ended", headers=FOR_ALL_ORIGINS),
    ImageGone: _Translation(status=HTTPStatus.GONE, code="image_gone", headers=FOR_ALL_ORIGINS),
    ModelRetired: _Translation(status=HTTPStatus.GONE, code="model_retired", members={"retryable": False}),
    DocumentRefused: _Translation(
        status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        code="body_too_large",
        detail=_too_large,
    ),
}


class JobFailed(Exception):
    """The job that the request waited for ended without images."""

    def __init__(self, job: Job, rates: Sequence[RateState] = ()) -> None:
        super().__init__(job.id)
        self.job, self.rates = job, rates


def translate_errors(app: FastAPI, registry: Registry) -> None:
    """Give the API its only exception handlers."""

    async def invalid_body(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        if error.body and not is_json(request):
            return problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", _JSON_WANTED)
        if intake_of(request.scope).is_large:
            refusal = await asyncio.to_thread(_refusal, error, registry, request.scope)
        else:
            refusal = _refusal(error, registry, request.scope)
        return await invalid_request(request, refusal)

    handle_errors(app)
    app.add_exception_handler(RequestValidationError, invalid_body)


def handle_errors(app: Starlette) -> None:
    """Give an application the exception handlers of imagegen's own errors."""
    for kind, translation in _TRANSLATIONS.items():
        app.add_exception_handler(kind, _handler(translation))
    app.add_exception_handler(InvalidRequest, invalid_request)
    app.add_exception_handler(SubmittingPaused, _paused)
    app.add_exception_handler(RateLimited, _rate_limited)
    app.add_exception_handler(BudgetExceeded, _budget_exceeded)
    app.add_exception_handler(Unavailable, _unavailable)
    app.add_exception_handler(ScopeMissing, _scope_missing)
    app.add_exception_handler(JobFailed, _job_failed)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _defect)


def _handler(translation: _Translation) -> Callable[[Request, Exception], Awaitable[JSONResponse]]:
    async def handle(_request: Request, error: Exception) -> JSONResponse:
        return problem(
            translation.status,
            translation.code,
            translation.detail(error),
            headers=translation.headers,
            job_id=getattr(error, "job_id", None),
            batch_id=getattr(error, "batch_id", None),
            key_id=getattr(error, "key_id", None),
            budget_id=getattr(error, "budget_id", None),
            errors=[_fault(fault) for fault in getattr(error, "faults", ())] or None,
            **translation.members,
        )

    return handle


async def invalid_request(request: Request, error: Exception) -> JSONResponse:
    """Refuse a faulty request: 400, or 404 for a model that is named in the path."""
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


async def _paused(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, SubmittingPaused)
    headers = {"Retry-After": str(max(1, math.ceil(error.retry_after.total_seconds())))}
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, PROVIDER_ACCOUNT, str(error), headers=headers, retryable=True)


async def _rate_limited(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RateLimited)
    return problem(
        HTTPStatus.TOO_MANY_REQUESTS,
        "rate_limited",
        str(error),
        headers={**rate_headers(error.states), "Retry-After": str(math.ceil(error.retry_after.total_seconds()))},
        limits=[
            ProblemLimit(name=state.name, limit=state.limit, remaining=state.remaining, free_at=state.free_at)
            for state in error.exhausted
        ],
        retryable=True,
    )


async def _budget_exceeded(_request: Request, error: Exception) -> JSONResponse:
    """The refusal of money, which waiting a few seconds does not lift: it has no Retry-After."""
    assert isinstance(error, BudgetExceeded)
    budgets = refusing_budgets(error.refusing, error.estimate)
    return problem(HTTPStatus.PAYMENT_REQUIRED, "budget_exceeded", str(error), budgets=budgets)


async def _unavailable(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Unavailable)
    return unavailable(error)


async def _scope_missing(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ScopeMissing)
    return insufficient_scope(error)


async def _job_failed(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, JobFailed)
    return job_failed(error)


def job_failed(error: JobFailed) -> JSONResponse:
    """The problem of a job that failed while its caller waited."""
    failure = error.job.error
    assert failure is not None
    refused = failure.code in {INPUT_REFUSED, OUTPUT_REFUSED}
    return problem(
        HTTPStatus.UNPROCESSABLE_ENTITY if refused else HTTPStatus.INTERNAL_SERVER_ERROR,
        failure.code,
        failure.message,
        headers={"Location": f"/api/jobs/{error.job.id}", **rate_headers(error.rates)},
        job_id=error.job.id,
        fal_status=failure.fal_status,
        fal_error_type=failure.fal_error_type,
        retryable=failure.retryable,
        charged=error.job.cost.total_cost > 0,
    )


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    """Translate what the router and FastAPI raise: an unknown path, a wrong method, a body that cannot be read."""
    assert isinstance(error, HTTPException)
    status, headers = HTTPStatus(error.status_code), dict(error.headers or {})
    if isinstance(error, HttpProblem):
        return problem(status, error.code, str(error.detail), headers=headers)
    if isinstance(error.__cause__, InvalidRequest):  # FastAPI wraps errors that it meets while it reads the body
        return await invalid_request(request, error.__cause__)
    if status is HTTPStatus.BAD_REQUEST:
        return await invalid_request(request, InvalidInput([_UNREADABLE]))
    detail, path, routes = str(error.detail), without_secret(request.scope["path"]), request.app.routes
    if status is HTTPStatus.METHOD_NOT_ALLOWED:  # the router knows the methods of one route, but not of the path
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
    detail = "An unexpected error inside imagegen. Its log has the cause, under the requestId of this response."
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    headers = {HEADER: request_id, **await key_rate_headers(request.scope, status)}
    return problem(status, "internal_error", detail, headers=headers)


def _refusal(error: RequestValidationError, registry: Registry, scope: Scope) -> InvalidRequest:
    """Every fault of a request. The registry explains the body's faults, the route those of its parameters."""
    errors = cast("Sequence[ErrorDetails]", error.errors())
    of_body = [fault for fault in errors if fault["loc"][0] == "body"]
    others = parameter_faults((fault for fault in errors if fault["loc"][0] != "body"), scope["route"])
    if not of_body:
        return InvalidQuery(others)
    refusal = _body_refusal(of_body, error.body, registry, scope)
    if isinstance(refusal, UnknownModel):
        refusal.others = (*refusal.others, *others)
        return refusal
    return InvalidInput([*refusal.faults, *others]) if isinstance(refusal, InvalidInput) else refusal


def _body_refusal(errors: Sequence[ErrorDetails], body: JsonValue, registry: Registry, scope: Scope) -> InvalidRequest:
    declared = policy_of(scope).body
    assert declared is not None
    assert declared.explain is not None
    return declared.explain(registry, errors, body)


def _fault(fault: Fault) -> ProblemFault:
    return ProblemFault(
        pointer=fault.pointer,
        code=fault.code,
        message=fault.message,
        valid=list(fault.valid) or None,
        suggestion=fault.suggestion,
        location=fault.location,
    )
