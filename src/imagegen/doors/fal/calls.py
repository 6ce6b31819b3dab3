"""What a request of fal's clients asks for: its endpoint becomes a model, its flat body that model's request."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, cast
from urllib.parse import quote

from pydantic import JsonValue
from starlette.datastructures import Headers
from starlette.requests import Request

from imagegen.api.deps import caller_of, services_of
from imagegen.api.http.intake import intake_of
from imagegen.api.http.json_bodies import ArrivingText, read_json
from imagegen.api.http.problems import HttpProblem
from imagegen.doors.fal.error_shapes import USER_HEADER
from imagegen.errors import Fault, InvalidInput, UnknownModel
from imagegen.jobs import FalCall, Priority
from imagegen.json_object import JsonObject
from imagegen.keys import Caller
from imagegen.registry import Model, ModelRequest, Registry
from imagegen.settings import Settings

IGNORED: Final = "x-imagegen-ignored"
_SYNC_MODE: Final = "sync_mode"
_MOST_NAMED: Final = 20
_LONGEST_NAME: Final = 60
_NOT_JSON: Final = Fault(pointer="", code="malformed_json", message="The body must be a JSON object, encoded in UTF-8.")
_OTHER_APPS: Final = ("workflows/", "comfy/")
_IDEMPOTENCY_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointCall:
    """A request for one of fal's endpoints, read and validated.

    Attributes:
        request: as `POST /api/images/generate` has it.
        origin: how it was requested, to be kept with its job.
        priority: low if the client asked for that.
        idempotency_key: of the header `Idempotency-Key`; None without it.
    """

    request: ModelRequest
    origin: FalCall
    priority: Priority
    idempotency_key: str | None

    @property
    def headers(self) -> Mapping[str, str]:
        """What the client is told of names that were dropped."""
        if not self.origin.ignored:
            return {}
        return {IGNORED: ", ".join(quote(name, safe="") for name in self.origin.ignored)}


async def read_call(request: Request, endpoint: str) -> EndpointCall:
    """Read a request for an endpoint.

    Raises:
        HttpProblem: no model has this endpoint (404), or the body is too large.
        InvalidInput: with every wrong value. Names that the model does not have are no fault: fal ignores them.
    """
    services, caller = services_of(request), caller_of(request)
    model = model_of(endpoint, services.registry)
    body = await read_object(request)
    sections, ignored = sort_members(body, model)
    envelope: dict[str, JsonValue] = {**sections, "model": model.name}
    envelope["userId"] = user_of(request.headers, caller, services.settings)
    if webhook := request.query_params.get("fal_webhook"):
        envelope["webhookUrl"] = webhook
    if intake_of(request.scope).is_large:
        parsed = await asyncio.to_thread(services.registry.parse, envelope)
    else:
        parsed = services.registry.parse(envelope)
    return EndpointCall(
        request=parsed,
        origin=FalCall(ignored=ignored, inline=body.get(_SYNC_MODE) is True),
        priority=Priority.LOW if request.headers.get("x-fal-queue-priority") == "low" else Priority.NORMAL,
        idempotency_key=_idempotency_key(request.headers),
    )


def model_of(endpoint: str, registry: Registry) -> Model:
    """The model of an endpoint at fal, of its own or of a route; otherwise of this name or alias.

    Raises:
        HttpProblem: there is none. Nothing that has no price passes through.
    """
    found = registry.model_of_endpoint(endpoint)
    if found is not None:
        return found
    try:
        return registry.model(endpoint)
    except UnknownModel as unknown:
        detail = _unknown_endpoint(unknown, registry)
    raise HttpProblem(HTTPStatus.NOT_FOUND, "unknown_endpoint", detail)


def sort_members(body: JsonObject, model: Model) -> tuple[dict[str, JsonValue], tuple[str, ...]]:
    """A flat body as inputs and options, and the names that the model does not have. A null is as good as absent."""
    of_inputs = {*model.required_inputs, *model.optional_inputs}
    inputs: dict[str, JsonValue] = {}
    options: dict[str, JsonValue] = {}
    ignored: list[str] = []
    for name, value in body.items():
        if name == _SYNC_MODE or value is None:
            continue
        if name in of_inputs:
            inputs[name] = value
        elif name in model.options:
            options[name] = value
        else:
            ignored.append(name[:_LONGEST_NAME].encode(errors="replace").decode())
    return {"inputs": inputs, "options": options}, tuple(ignored[:_MOST_NAMED])


def user_of(headers: Headers, caller: Caller, settings: Settings) -> str:
    """The user of a request: of the header, else the key's default or only one, else that of the settings.

    Raises:
        InvalidInput: the key is for several users, and the request names none.
    """
    users: Sequence[str] = caller.users or ()
    named = headers.get(USER_HEADER) or caller.default_user or (users[0] if len(users) == 1 else None)
    if named is not None:
        return named
    if caller.can_access(settings.service.default_user):
        return settings.service.default_user
    message = f"This API key is for several users: name one of them in the header {USER_HEADER}."
    raise InvalidInput([Fault(pointer="/userId", code="missing", message=message)])


def _unknown_endpoint(unknown: UnknownModel, registry: Registry) -> str:
    if unknown.name.startswith(_OTHER_APPS):
        return f"{unknown.name!r} is no model: workflows and ComfyUI apps are not supported here."
    reason = f" Model {unknown.name!r} {unknown.reason}." if unknown.reason else ""
    near = f" The nearest is {registry.model(unknown.suggestion).endpoint!r}." if unknown.suggestion else ""
    how = f"The operator of this service can add it: `imagegen models add {unknown.name}`."
    return f"No model here has the endpoint {unknown.name!r}.{reason}{near} {how}"


async def read_object(request: Request) -> JsonObject:
    """The JSON object of a body, within the API's bounds; empty without a body.

    Raises:
        InvalidInput: it is not a JSON object.
        HttpProblem: it is too large.
    """
    intake = intake_of(request.scope)
    raw, text = bytearray(), ArrivingText(intake.limit.json)
    is_kept = True
    async for chunk in request.stream():
        raw += chunk if is_kept else b""
        if is_kept and text.is_too_large(raw):
            is_kept, raw = False, bytearray()  # the rest is discarded, so that the client gets to read the response
    if not is_kept:
        raise text.refusal()
    try:
        read = asyncio.to_thread(read_json, raw, intake.limit.json) if intake.is_large else None
        value = await read if read is not None else read_json(raw or b"{}", intake.limit.json)
    except ValueError:  # no JSON, or no UTF-8
        raise InvalidInput([_NOT_JSON]) from None
    if not isinstance(value, dict):
        raise InvalidInput([_NOT_JSON])
    return cast("JsonObject", value)


def _idempotency_key(headers: Headers) -> str | None:
    key = headers.get("idempotency-key")
    if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
        message = "The header Idempotency-Key must be 1 to 255 visible ASCII characters without spaces."
        raise InvalidInput([Fault(pointer="Idempotency-Key", code="wrong_format", message=message, location="header")])
    return key
