"""Routes that take and give JSON: a caller that wants another type is told, and a body has bounds."""

import asyncio
import re
import traceback
from collections.abc import Awaitable, Callable, Coroutine
from http import HTTPStatus
from typing import Any, ClassVar, Final

from fastapi import Request, Response
from fastapi.routing import APIRoute

from imagegen.api.bodies import intake_of
from imagegen.api.errors import Refusal, is_json
from imagegen.api.json_bodies import ArrivingText, read_json
from imagegen.api.parameters import demand_known_parameters

_RANGE: Final = re.compile(r"\s*([\w!#$&^.+*-]+/[\w!#$&^.+*-]+)\s*((?:;[^;]*)*)", re.ASCII)
_AT_ONCE: Final = 64 * 2**10  # bytes of JSON that are read faster than a thread is asked
_SOMETHING: Final = b"."
_WEIGHT: Final = re.compile(r";\s*q\s*=\s*([0-9.]+)\s*", re.ASCII | re.IGNORECASE)


class JsonRoute(APIRoute):
    """A route of the API. One that answers in other types too is a subclass with its own `produces`."""

    produces: ClassVar[tuple[str, ...]] = ("application/json",)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, behind the checks."""
        handle = super().get_route_handler()

        async def checked(request: Request) -> Response:
            if not any(accepts(request.headers.get("accept"), produced) for produced in self.produces):
                raise _not_acceptable(self.produces)
            demand_known_parameters(request, self)
            try:
                answer = await handle(_BoundedRequest(request.scope, request.receive))
            except Exception as error:
                _let_go(error)
                raise
            intake_of(request.scope).release()
            return await answer.settle() if isinstance(answer, LaterAnswer) else answer

        return checked


class LaterAnswer(Response):
    """An answer that has to be waited for. The wait begins when nothing of the request's body is held any more."""

    def __init__(self, settle: Callable[[], Awaitable[Response]]) -> None:
        super().__init__()
        self.settle = settle


def _let_go(error: BaseException | None) -> None:
    """Empty the frames that an error went through: they would hold a body of megabytes until the next collection."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


class _BoundedRequest(Request):
    """A request whose JSON is bounded in bytes, depth and values, and whose bytes are gone once it is read."""

    _raw: bytearray | None = None
    _is_read = False

    async def body(self) -> bytes:
        """What stands for the body while FastAPI decides how to read it: a sign that there is one, or nothing."""
        if not self._is_read:
            self._is_read = True
            self._raw = await self._received() if is_json(self) else await self._first_byte()
        return _SOMETHING if self._raw else b""

    async def _received(self) -> bytearray:
        raw, text, is_kept = bytearray(), ArrivingText(intake_of(self.scope).limit.json), True
        async for chunk in self.stream():
            raw += chunk if is_kept else b""
            if is_kept and text.is_too_large(raw):
                is_kept, raw = False, bytearray()  # the rest is thrown away, so that the client reads its answer
        if not is_kept:
            raise text.refusal()
        return raw

    async def _first_byte(self) -> bytearray:
        """Whether there is a body, of a type that is not read."""
        raw = bytearray()
        async for chunk in self.stream():
            raw = raw or bytearray(chunk[:1])
        return raw

    async def json(self) -> Any:
        """The body's value.

        Raises:
            Refusal: it is too large.
            InvalidInput: it is nested too deeply, has too many values, or a member twice.
        """
        raw, self._raw = self._raw or bytearray(), None
        bounds = intake_of(self.scope).limit.json
        if len(raw) <= _AT_ONCE:
            return read_json(raw, bounds)
        return await asyncio.to_thread(read_json, raw, bounds)


def accepts(header: str | None, media_type: str) -> bool:
    """Whether an Accept header takes this type. One that cannot be read at all counts as absent."""
    ranges = [found for part in (header or "").split(",") if (found := _RANGE.fullmatch(part))]
    if not ranges:
        return True
    kind = media_type.partition("/")[0]
    weights = {found[1].lower(): _weight(found[2]) for found in ranges}
    named = (weights[name] for name in (media_type, f"{kind}/*", "*/*") if name in weights)
    return next(named, 0.0) > 0


def _weight(parameters: str) -> float:
    found = _WEIGHT.search(parameters)
    try:
        return float(found[1]) if found else 1.0
    except ValueError:
        return 1.0


def _not_acceptable(produces: tuple[str, ...]) -> Refusal:
    detail = (
        f"The answer comes as {' or '.join(produces)}, which the header Accept rules out. Send Accept: {produces[0]}."
    )
    return Refusal(HTTPStatus.NOT_ACCEPTABLE, "not_acceptable", detail)
