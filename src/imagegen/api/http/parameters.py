"""The faults of a request's query, path and headers, in the same words as those of a body."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Annotated, Any, Final, cast

from fastapi import Request
from fastapi.dependencies.utils import request_params_to_args
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter
from pydantic_core import ErrorDetails

from imagegen.api.openapi.json_schema import leave_out_null
from imagegen.errors import MOST_FAULTS, Fault, InvalidQuery
from imagegen.registry.faults import RequestSchema, faults_from_errors
from imagegen.registry.names import suggest_name

_SPOKEN: Final = {
    "query": "The query parameter",
    "path": "In the path,",
    "header": "The header",
    "cookie": "The cookie",
}


def parameter_faults(errors: Iterable[ErrorDetails], route: APIRoute) -> list[Fault]:
    """A fault for each of FastAPI's errors outside of the body. It names the parameter as it is written in HTTP."""
    return [_fault(error, str(error["loc"][0]), route) for error in islice(errors, MOST_FAULTS)]


def query_names(route: APIRoute) -> tuple[str, ...]:
    """The names of an operation's query parameters. They are read from a JSON Schema, so a route keeps them."""
    return tuple(_schema_of(route, "query").get("properties", {}))


def query_lists(route: APIRoute) -> frozenset[str]:
    """Those of an operation's query parameters that may be repeated."""
    members: Mapping[str, Mapping[str, object]] = _schema_of(route, "query").get("properties", {})
    return frozenset(name for name, schema in members.items() if schema.get("type") == "array")


def require_known_parameters(
    request: Request, route: APIRoute, known: Sequence[str], lists: Collection[str] = ()
) -> None:
    """Raise InvalidQuery if the query has an unknown or a repeated name; it carries the faults of the values too.

    Those of `lists` may be repeated. An operation without query parameters ignores any query, such as the tracking
    parameters of a link in a newsletter.
    """
    if not known:
        return
    given = [name for name, _ in request.query_params.multi_items()]
    single = [name for name in known if name not in lists]
    if found := [*islice(_unknown(given, known, route), MOST_FAULTS), *_repeated(given, single)]:
        raise InvalidQuery([*found, *_value_faults(request, route, {fault.pointer for fault in found})])


def _value_faults(request: Request, route: APIRoute, reported: Collection[str]) -> list[Fault]:
    """The faults of the query's values, without those of names that are reported already."""
    _, errors = request_params_to_args(route.dependant.query_params, request.query_params)
    return [fault for fault in parameter_faults(errors, route) if fault.pointer not in reported]


def _unknown(given: Iterable[str], known: Sequence[str], route: APIRoute) -> Iterator[Fault]:
    for name in dict.fromkeys(given):
        if name not in known:
            yield _unknown_name(name, known, route)


def _repeated(given: Sequence[str], known: Iterable[str]) -> Iterator[Fault]:
    for name in known:
        if (count := given.count(name)) > 1:
            message = f"The query parameter {name} is given {count} times; give it once."
            yield Fault(pointer=name, code="conflict", message=message, location="query")


def _unknown_name(name: str, known: Sequence[str], route: APIRoute) -> Fault:
    suggestion = suggest_name(name, known)
    end = f"; did you mean {suggestion!r}?" if suggestion else f"; it takes {', '.join(known)}."
    shown = name[:60].encode(errors="replace").decode()
    message = f"{_operation(route)} has no query parameter {shown!r}{end}"
    return Fault(
        pointer=shown, code="unknown_name", message=message, valid=tuple(known), suggestion=suggestion, location="query"
    )


def _operation(route: APIRoute) -> str:
    return f"{' or '.join(sorted(route.methods or ()))} {route.path_format}"


def _fault(error: ErrorDetails, location: str, route: APIRoute) -> Fault:
    name, *below = error["loc"][1:]
    name = str(name)
    schema = _schema_of(route, location)
    if error["type"] == "extra_forbidden":
        return _unknown_name(name, tuple(schema["properties"]), route)
    shown = name.title() if location == "header" else name
    properties = {shown: schema["properties"].get(name, {})}
    placed: ErrorDetails = {**error, "loc": (shown, *below)}
    (fault,) = faults_from_errors([placed], RequestSchema("", {**schema, "properties": properties}))
    return replace(fault, pointer=name, message=f"{_SPOKEN[location]} {fault.message}", location=location)


def _schema_of(route: APIRoute, location: str) -> dict[str, Any]:
    """The operation's parameters of one location, as the JSON Schema of an object."""
    properties: dict[str, Any] = {}
    definitions: dict[str, Any] = {}
    for parameter in getattr(route.dependant, f"{location}_params"):
        kind = parameter.field_info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            schema = kind.model_json_schema()
            properties |= schema["properties"]
        else:
            annotated = cast("Any", Annotated)[kind, parameter.field_info]
            schema = TypeAdapter[object](annotated).json_schema()
            properties[parameter.alias] = schema
        definitions |= schema.get("$defs", {})
    for schema in cast("Mapping[str, dict[str, Any]]", properties).values():
        leave_out_null(schema)
    return {"type": "object", "properties": properties, "$defs": definitions}
