"""Routes that take and give JSON: a caller that wants another type is told, and a body has a bounded depth."""

import re
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any, ClassVar, Final, cast

from fastapi import Request, Response
from fastapi.routing import APIRoute

from imagegen.api.errors import Refusal
from imagegen.api.parameters import demand_known_parameters
from imagegen.errors import Fault, InvalidInput
from imagegen.wiring import Services

_RANGE: Final = re.compile(r"\s*([\w!#$&^.+*-]+/[\w!#$&^.+*-]+)\s*((?:;[^;]*)*)", re.ASCII)
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
            return await handle(_ShallowRequest(request.scope, request.receive))

        return checked


class _ShallowRequest(Request):
    """A request whose JSON is not nested beyond IMAGEGEN_MAX_JSON_DEPTH."""

    async def json(self) -> Any:
        """The body.

        Raises:
            InvalidInput: it is nested too deeply.
        """
        services = cast("Services", self.state.services)
        most = services.settings.limits.max_json_depth
        try:
            body = await super().json()
        except RecursionError:
            raise _too_deep(most) from None
        if depth(body) > most:
            raise _too_deep(most)
        return body


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


def depth(value: object) -> int:
    """How many lists and objects lie in each other at the deepest place."""
    deepest = 0
    left: list[tuple[object, int]] = [(value, 0)]
    while left:
        part, above = left.pop()
        if isinstance(part, dict | list):
            deepest = max(deepest, above + 1)
            parts = cast("dict[str, object]", part).values() if isinstance(part, dict) else cast("list[object]", part)
            left.extend((inner, above + 1) for inner in parts)
    return deepest


def _not_acceptable(produces: tuple[str, ...]) -> Refusal:
    detail = f"The answer comes as {' or '.join(produces)}, which the header Accept rules out."
    return Refusal(HTTPStatus.NOT_ACCEPTABLE, "not_acceptable", detail)


def _too_deep(most: int) -> InvalidInput:
    message = f"The body must be nested at most {most} levels deep (IMAGEGEN_MAX_JSON_DEPTH)."
    return InvalidInput([Fault(pointer="", code="too_deep", message=message)])
