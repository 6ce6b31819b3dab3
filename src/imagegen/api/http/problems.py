"""Problem details (RFC 9457): the body of every error response."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from imagegen.api.http.request_ids import current_request_id
from imagegen.wire.problem_schemas import Problem

PROBLEM_JSON: Final = "application/problem+json"
RETRY_AFTER: Final = {"Retry-After": "5"}
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
    return JSONResponse(content, status, headers=dict(headers or {}), media_type=PROBLEM_JSON)
