"""The class of the JSON routes: it negotiates the type of the response, and bounds the body."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import cached_property
from http import HTTPStatus
from typing import Any, Final, cast

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import JsonValue
from starlette.exceptions import HTTPException

from imagegen.api.http.intake import intake_of
from imagegen.api.http.json_bodies import ArrivingText, read_json
from imagegen.api.http.media_types import accepts, is_json
from imagegen.api.http.parameters import query_lists, query_names, require_known_parameters
from imagegen.api.http.policies import declared_policy, policy_of
from imagegen.api.http.problems import HttpProblem
from imagegen.errors import ImagegenError
from imagegen.json_object import JsonObject
from imagegen.keys import Caller

_PLACEHOLDER: Final = b"."
_REFUSALS: Final = (ImagegenError, HTTPException, RequestValidationError)


class JsonRoute(APIRoute):
    """A route that first checks the `Accept` header, the names in the query, and the bounds of the body."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, after the checks."""
        handle, produces = super().get_route_handler(), declared_policy(self).produces

        async def checked(request: Request) -> Response:
            if produces and not any(accepts(request.headers.get("accept"), produced) for produced in produces):
                raise _not_acceptable(produces)
            require_known_parameters(request, self, self._query_names, self._lists)
            try:
                response = await handle(_BoundedRequest(request.scope, request.receive))
            except Exception as error:
                _drop_tracebacks(error)
                raise
            intake_of(request.scope).release()
            return await response.settle() if isinstance(response, DeferredResponse) else response

        return checked

    @cached_property
    def _query_names(self) -> tuple[str, ...]:
        return query_names(self)

    @cached_property
    def _lists(self) -> frozenset[str]:
        return query_lists(self)


class DeferredResponse(Response):
    """A response that must be waited for. The wait starts once the request's body has been freed."""

    def __init__(self, settle: Callable[[], Awaitable[Response]]) -> None:
        super().__init__()
        self.settle = settle


def _drop_tracebacks(error: BaseException) -> None:
    """Drop the frames of a refusal: they would hold a body of megabytes until the next garbage collection.

    A defect keeps its frames for the log. No frame is cleared: requests whose calls failed together share an error, so
    its frames may be those of a request that still runs, and clearing them would end it.
    """
    if not isinstance(error, _REFUSALS):
        return
    link: BaseException | None = error
    while link is not None:
        link.__traceback__ = None
        link = link.__cause__ or link.__context__


class _BoundedRequest(Request):
    """A request whose JSON is bounded in bytes, depth and values, and whose bytes are freed once it is parsed."""

    _raw: bytearray | None = None
    _is_read = False

    async def body(self) -> bytes:
        """A placeholder, because FastAPI only needs to know whether there is a body; `json` has its value."""
        if not self._is_read:
            self._is_read = True
            self._raw = await self._received() if is_json(self) else await self._first_byte()
        return _PLACEHOLDER if self._raw else b""

    async def _received(self) -> bytearray:
        raw, text, is_kept = bytearray(), ArrivingText(intake_of(self.scope).limit.json), True
        async for chunk in self.stream():
            raw += chunk if is_kept else b""
            if is_kept and text.is_too_large(raw):
                is_kept, raw = False, bytearray()  # the rest is discarded, so that the client gets to read the response
        if not is_kept:
            raise text.refusal()
        return raw

    async def _first_byte(self) -> bytearray:
        """The first byte of a body whose type is not read, or nothing."""
        raw = bytearray()
        async for chunk in self.stream():
            raw = raw or bytearray(chunk[:1])
        return raw

    async def json(self) -> Any:
        """Parse the body.

        Raises:
            HttpProblem: it is too large.
            InvalidInput: it is nested too deeply, or has too many values or a duplicate member.
        """
        raw, self._raw = self._raw or bytearray(), None
        intake = intake_of(self.scope)
        if intake.is_large:
            return self._with_default_user(await asyncio.to_thread(read_json, raw, intake.limit.json))
        return self._with_default_user(read_json(raw, intake.limit.json))

    def _with_default_user(self, body: JsonValue) -> JsonValue:
        declared = policy_of(self.scope).body
        if declared is not None and declared.names_user and isinstance(body, dict) and body.get("userId") is None:
            user = cast("Caller", self.state.caller).default_user
            return cast("JsonValue", body) if user is None else {**cast("JsonObject", body), "userId": user}
        return body


def _not_acceptable(produces: tuple[str, ...]) -> HttpProblem:
    detail = f"The response is {' or '.join(produces)}, which the Accept header rules out. Send Accept: {produces[0]}."
    return HttpProblem(HTTPStatus.NOT_ACCEPTABLE, "not_acceptable", detail)
