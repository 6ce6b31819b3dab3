"""All models, and the validation of every request."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import chain, islice
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import BaseModel, JsonValue, ValidationError
from pydantic_core import ErrorDetails
from typing_extensions import TypeAliasType

from imagegen.errors import MOST_FAULTS, Fault, InvalidInput, InvalidRequest, UnknownModel
from imagegen.json_object import JsonObject
from imagegen.registry.documents import closest_match
from imagegen.registry.endpoints import models_by_endpoint, normalize_endpoint
from imagegen.registry.entries import Output
from imagegen.registry.faults import SECTIONS, RequestSchema, dotted_path, faults_from_errors, json_pointer
from imagegen.registry.model import Model
from imagegen.registry.offer import UnpricedModel
from imagegen.registry.request_schemas import request_schemas
from imagegen.registry.request_union import RequestUnion
from imagegen.registry.requests import Envelope, EstimateEnvelope, ModelRequest, RequestBatch, batch_class
from imagegen.registry.type_forms import named

_LONGEST_NAME = 100


class Registry:
    """All models by name.

    Attributes:
        models: in the catalog's order; a user's own models follow the built-in ones.
        request_type: the union of all models' requests, named `GenerateRequest`, discriminated by `model`.
        estimate_type: the union of all requests to be priced, named `EstimateRequest`.
        batch_class: the class of batches, named `BatchRequest`.
        warnings: problems of the catalog that do not stop a start, one sentence each.
        unpriced: models that only lack a price of the operator's; they take no requests.
        outputs: where the results of fal's endpoints have their images, also of models that are not offered now: their
            jobs may be under way.
    """

    def __init__(
        self,
        models: Mapping[str, Model],
        warnings: Sequence[str] = (),
        aliases: Mapping[str, str] | None = None,
        *,
        unpriced: Sequence[UnpricedModel] = (),
        withheld: Mapping[str, str] | None = None,
        outputs: Mapping[str, Sequence[Output]] | None = None,
    ) -> None:
        self.models: Mapping[str, Model] = MappingProxyType(dict(models))
        self._aliases: Mapping[str, str] = MappingProxyType(dict(aliases or {}))
        self.warnings = tuple(warnings)
        self.unpriced, self.outputs = tuple(unpriced), MappingProxyType(dict(outputs or {}))
        self._withheld = MappingProxyType(dict(withheld or {}))
        own = [(model.endpoint, name) for name, model in models.items()]
        routes = [(route.endpoint, name) for name, model in models.items() for route in model.conflicts.routes]
        self._by_endpoint = models_by_endpoint([*own, *routes])
        self.request_type = self._union("GenerateRequest", lambda model: model.request_class)
        self.estimate_type = self._union("EstimateRequest", lambda model: model.estimate_class)
        self.batch_class = batch_class(self._union("BatchItem", lambda model: model.item_class))
        self._envelopes = {kind: _envelope(kind, models.values()) for kind in (Envelope, EstimateEnvelope)}

    def model(self, name: str) -> Model:
        """The model of this name or alias.

        Raises:
            UnknownModel: there is none. Carries the valid names, and the model of this endpoint or the nearest name.
        """
        if (found := self.models.get(self._aliases.get(name, name))) is not None:
            return found
        shown = name[:_LONGEST_NAME].encode(errors="replace").decode()
        raise UnknownModel(shown, tuple(self.models), self._suggestion(name), self._withheld.get(name))

    def model_of_endpoint(self, endpoint: str) -> Model | None:
        """The model of an endpoint at fal.ai, its own or one of its routes; of several, the first in the catalog."""
        name = self._by_endpoint.get(normalize_endpoint(endpoint))
        return self.models.get(name) if name is not None else None

    def names_of(self, name: str) -> tuple[str, ...]:
        """The names of the model that has this name or alias; only this one if there is no such model."""
        found = self.models.get(self._aliases.get(name, name))
        return found.names if found else (name,)

    def successor(self, model: Model, day: date) -> str | None:
        """The name of the model to use in place of a retired one: one that is not retired itself, if there is one."""
        while model.retired is not None and model.retired.successor is not None:
            following = self.models.get(self._aliases.get(model.retired.successor, model.retired.successor))
            if following is None:
                return None  # it is not offered here
            if not (model := following).is_retired(day):
                return model.name
        return None

    def _union(self, name: str, class_of: Callable[[Model], type[BaseModel]]) -> TypeAliasType:
        return named(name, Annotated[Any, RequestUnion(self.models, self._aliases, class_of)])

    def _with_own_name(self, body: JsonValue) -> JsonValue:
        """A body with the model's own name in place of an alias."""
        name = body.get("model") if isinstance(body, dict) else None
        own = self._aliases.get(name) if isinstance(name, str) else None
        return {**body, "model": own} if isinstance(body, dict) and own is not None else body

    def _suggestion(self, name: str) -> str | None:
        """The model that a wrong name means: by its endpoint at fal.ai, else by similarity."""
        endpoint = normalize_endpoint(name)
        if endpoint in self._by_endpoint:
            return self._by_endpoint[endpoint]
        found = closest_match(name.strip(), self.models)
        if found is not None or "/" not in endpoint:
            return found
        near = closest_match(endpoint, self._by_endpoint)
        return self._by_endpoint[near] if near else None

    def examples(self) -> Mapping[str, JsonObject]:
        """An example of each class of requests, by the class's name, with its members in their order.

        Pydantic sorts the members of the examples in a JSON Schema.
        """
        models = self.models.values()
        requests = {model.request_class: model.example() for model in models}
        plans = {model.estimate_class: dict(model.estimate_class.example or {}) for model in models}
        items = {model.item_class: model.example() for model in models}
        return {kind.__name__: example for kind, example in {**requests, **plans, **items}.items()}

    def request_schemas(self, references: str) -> dict[str, dict[str, Any]]:
        """The JSON Schemas of all requests, by name. It makes the classes of all models.

        Args:
            references: what a `$ref` has before the name.
        """
        return request_schemas(self.models.values(), references)

    @property
    def endpoints(self) -> frozenset[str]:
        """Every fal endpoint that requests can go to."""
        return frozenset(endpoint for model in self.models.values() for endpoint in model.endpoints)

    def parse(self, body: JsonValue) -> ModelRequest:
        """Parse a body into the request class of its model.

        Raises:
            UnknownModel: `model` is not a model's name.
            InvalidInput: with every fault at once.
        """
        named = self._named_or_none(body)
        if named is None:
            raise self.invalid_request((), body)
        try:
            return named.request_class.model_validate(self._with_own_name(body))
        except ValidationError as error:
            raise self.invalid_request(error.errors(include_url=False), body) from error

    def parse_item(self, body: JsonValue) -> ModelRequest:
        """Parse an item of a batch. Its user is `None` if absent.

        Raises:
            UnknownModel: `model` is not a model's name.
            InvalidInput: with every fault at once.
        """
        named = self._named_or_none(body)
        if named is None:
            raise self.invalid_request((), _with_a_user(body))
        try:
            return named.item_class.model_validate(self._with_own_name(body))
        except ValidationError as error:
            raise self.invalid_request(error.errors(include_url=False), _with_a_user(body)) from error

    def invalid_request(
        self, errors: Sequence[ErrorDetails], body: JsonValue, *, planned: bool = False
    ) -> InvalidRequest:
        """The error of a body in which pydantic found errors.

        Args:
            errors: pydantic's or FastAPI's; the places of the latter begin with `body`.
            body: the validated JSON; if the body is not JSON, any value but an object.
            planned: whether the body is an estimate.
        """
        unreadable = next((error for error in errors if error["type"] == "json_invalid"), None)
        if unreadable is not None:
            return InvalidInput([_invalid_json(unreadable)])
        if not isinstance(body, dict):
            return InvalidInput([Fault(pointer="", code="wrong_type", message="The body must be a JSON object.")])
        envelope = EstimateEnvelope if planned else Envelope
        try:
            named = self._named(body)
        except UnknownModel as unknown:
            unknown.others = tuple(self._nameless_faults(_envelope_errors(body, envelope), body, envelope))
            return unknown
        if named is None:
            return InvalidInput(self._nameless_faults(errors, body, envelope))
        relevant = [_within_the_body(error) for error in islice(errors, MOST_FAULTS)]
        return (named.invalid_estimate if planned else named.invalid_request)(relevant, body)

    def invalid_batch(self, errors: Sequence[ErrorDetails], body: JsonValue) -> InvalidRequest:
        """The error of a batch in which pydantic found errors, including the faults of its requests.

        Args:
            errors: as for `invalid_request`.
            body: as for `invalid_request`.
        """
        if not isinstance(body, dict) or any(error["type"] == "json_invalid" for error in errors):
            return self.invalid_request(errors, body)
        of_batch = faults_from_errors((_within_the_body(error) for error in errors), _BATCH)
        requests = body.get("requests")
        return InvalidInput(chain(of_batch, self._item_faults(requests if isinstance(requests, list) else ())))

    def _item_faults(self, requests: Sequence[JsonValue]) -> Iterator[Fault]:
        """The faults of all requests in order. Lazy: requests are parsed only as far as faults are consumed."""
        has_models = False
        for number, request in enumerate(requests):
            try:
                self.parse_item(request)
            except InvalidRequest as refusal:
                yield from faults_of_request(number, refusal, has_models=has_models)
                has_models = has_models or isinstance(refusal, UnknownModel)

    def _named(self, body: JsonValue) -> Model | None:
        name = body.get("model") if isinstance(body, dict) else None
        return self.model(name) if isinstance(name, str) else None

    def _named_or_none(self, body: JsonValue) -> Model | None:
        try:
            return self._named(body)
        except UnknownModel:
            return None  # reported by invalid_request with the other faults

    def _nameless_faults(
        self, errors: Sequence[ErrorDetails], body: JsonObject, envelope: type[Envelope]
    ) -> list[Fault]:
        """The faults of a body without a known model. For a union, pydantic reports only that the tag is wrong."""
        if all(error["type"].startswith("union_tag_") for error in errors):
            errors = _envelope_errors(body, envelope)
        relevant = [_within_the_body(error) for error in islice(errors, MOST_FAULTS)]
        found = [*faults_from_errors(relevant, self._envelopes[envelope]), *_misplaced(body)]
        return [self._with_models(fault) if fault.pointer == "/model" else fault for fault in found]

    def _with_models(self, fault: Fault) -> Fault:
        return Fault(pointer=fault.pointer, code=fault.code, message=fault.message, valid=tuple(self.models))


def faults_of_request(number: int, refusal: InvalidRequest, *, has_models: bool = False) -> list[Fault]:
    """The faults of request `number` of a batch, from 0, with places in the batch.

    `has_models`: a fault before it lists the models. A list for each would make the refusal large.
    """
    place = ("requests", number)
    match refusal:
        case UnknownModel():
            refusal.valid = () if has_models else refusal.valid
            found = refusal.faults
        case InvalidInput():
            found = refusal.faults
        case _:
            raise refusal
    return [
        replace(fault, pointer=json_pointer(place) + fault.pointer, message=f"{dotted_path(place)}: {fault.message}")
        for fault in found
    ]


_BATCH = RequestSchema("A batch", RequestBatch.model_json_schema())


def _envelope(kind: type[Envelope], models: Iterable[Model]) -> RequestSchema:
    """The schema of a request before its model is known. Its sections have the names of all models."""
    schema = kind.model_json_schema()
    for model in models:
        taken = {"inputs": (*model.required_inputs, *model.optional_inputs), "options": model.options}
        for section, names in taken.items():
            schema["properties"][section].setdefault("properties", {}).update((name, {}) for name in names)
    return RequestSchema("A request", schema)


def _envelope_errors(body: JsonObject, envelope: type[Envelope]) -> Sequence[ErrorDetails]:
    try:
        envelope.model_validate(body)
    except ValidationError as error:
        return error.errors(include_url=False)
    return ()


def _misplaced(body: JsonObject) -> list[Fault]:
    """Faults of envelope members in a section, for a body without a model."""
    found: list[Fault] = []
    for section in SECTIONS:
        part = body.get(section)
        for name in (name for name in ("model", "userId") if isinstance(part, dict) and name in part):
            message = f"{name!r} belongs at the top of the body."
            found.append(Fault(pointer=json_pointer((section, name)), code="misplaced_name", message=message))
    return found


def _with_a_user(request: JsonValue) -> JsonValue:
    """A request of a batch with some user, so that the user is not reported as missing."""
    if not isinstance(request, dict):
        return request
    return request if request.get("userId") is not None else {**request, "userId": "user"}


def _within_the_body(error: ErrorDetails) -> ErrorDetails:
    place = error["loc"]
    return {**error, "loc": place[1:] if place[:1] == ("body",) else place}


def _invalid_json(error: ErrorDetails) -> Fault:
    reason = error.get("ctx", {}).get("error", "it cannot be read")
    return Fault(pointer="", code="invalid_json", message=f"The body is not valid JSON: {reason}.")
