"""Problem details (RFC 9457): the body of every error response."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from imagegen.api.http.request_ids import current_request_id
from imagegen.errors import ScopeMissing, Unavailable
from imagegen.wire.problem_schemas import Problem

PROBLEM_JSON: Final = "application/problem+json"
RETRY_AFTER: Final = {"Retry-After": "5"}
REALM: Final = 'Bearer realm="imagegen"'
_TYPES: Final = "urn:imagegen:problem:"


class HttpProblem(HTTPException):
    """A request that the HTTP layer refuses, with the code of its problem."""

    def __init__(self, status: HTTPStatus, code: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status.value, detail, headers)
        self.code = code


def problem(
    status: HTTPStatus,
    code: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    **members: object,
) -> JSONResponse:
    """An error response. Members that are None are left out."""
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
    if body.budgets:
        content["budgets"] = [budget.model_dump(mode="json") for budget in body.budgets]  # null has a meaning in them
    return JSONResponse(content, status, headers=dict(headers or {}), media_type=PROBLEM_JSON)


def unavailable(error: Unavailable) -> JSONResponse:
    """The response while a server does not answer."""
    detail = f"{str(error).rstrip('.')}. Try again after the number of seconds in Retry-After."
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", detail, headers=RETRY_AFTER, retryable=True)


def insufficient_scope(error: ScopeMissing) -> JSONResponse:
    """The response to a key without the scope that is needed (RFC 6750)."""
    headers = {"WWW-Authenticate": f'{REALM}, error="insufficient_scope", scope="{error.scope}"'}
    return problem(HTTPStatus.FORBIDDEN, "insufficient_scope", str(error), headers=headers)
