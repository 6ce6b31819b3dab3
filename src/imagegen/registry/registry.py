"""The models that can be asked for pictures, and the door through which every request comes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from types import MappingProxyType

from pydantic import JsonValue, ValidationError
from pydantic_core import ErrorDetails

from imagegen.errors import MOST_FAULTS, CatalogError, Fault, InvalidInput, InvalidRequest, UnknownModel
from imagegen.registry.annotations import Annotator
from imagegen.registry.assembly import assemble, class_stem
from imagegen.registry.catalog import Listing, read_catalog
from imagegen.registry.documents import did_you_mean, nearest
from imagegen.registry.endpoints import endpoint_named, models_by_endpoint
from imagegen.registry.faults import SECTIONS, Shape, faults, pointer, spoken
from imagegen.registry.gathering import Gathering
from imagegen.registry.model import Model
from imagegen.registry.names import FAL_PARAMETERS
from imagegen.registry.requests import (
    Envelope,
    EstimateEnvelope,
    ModelRequest,
    RequestBatch,
    batch_class,
    item_class,
)
from imagegen.registry.type_forms import tagged_union
from imagegen.registry.vocabulary import Vocabulary, load_vocabulary

_HERE = Path(__file__).parent
_RESERVED_STEMS = frozenset({"Generate", "Model", "Estimate", "Batch"})
_LONGEST_NAME = 100
_KINDS = ("Request", "BatchItem")


class Registry:
    """Every model, by name.

    Attributes:
        models: in the catalog's order; a user's own models follow the built-in ones.
        request_type: the union of all models' requests, named `GenerateRequest`, told apart by `model`.
        estimate_type: the union of what can be priced, named `EstimateRequest`.
        batch_class: many of them at once, named `BatchRequest`.
        warnings: what a person should know about the catalog, one sentence each.
    """

    def __init__(self, models: Mapping[str, Model], warnings: Sequence[str] = ()) -> None:
        self.models: Mapping[str, Model] = MappingProxyType(dict(models))
        self.warnings = tuple(warnings)
        own = [(model.endpoint, name) for name, model in models.items()]
        routes = [(route.endpoint, name) for name, model in models.items() for route in model.conflicts.routes]
        self._by_endpoint = models_by_endpoint([*own, *routes])
        self.request_type = tagged_union("GenerateRequest", (model.request_class for model in models.values()), "model")
        plans = (model.estimate_class for model in models.values())
        self.estimate_type = tagged_union("EstimateRequest", plans, "model")
        self._envelopes = {kind: _envelope(kind, models.values()) for kind in (Envelope, EstimateEnvelope)}
        self._items = {model.name: item_class(model.request_class, class_stem(model.name)) for model in models.values()}
        self.batch_class = batch_class(tagged_union("BatchItem", self._items.values(), "model"))

    def model(self, name: str) -> Model:
        """The model of this name.

        Raises:
            UnknownModel: there is none; carries the valid names, and the one of this endpoint, or the nearest.
        """
        if name in self.models:
            return self.models[name]
        shown = name[:_LONGEST_NAME].encode(errors="replace").decode()
        raise UnknownModel(shown, tuple(self.models), self._meant(name))

    def _meant(self, name: str) -> str | None:
        """The model that a wrong name stands for: by its endpoint at fal.ai, else by likeness."""
        endpoint = endpoint_named(name)
        if endpoint in self._by_endpoint:
            return self._by_endpoint[endpoint]
        found = nearest(name.strip(), self.models)
        if found is not None or "/" not in endpoint:
            return found
        near = nearest(endpoint, self._by_endpoint)
        return self._by_endpoint[near] if near else None

    @property
    def endpoints(self) -> frozenset[str]:
        """Every endpoint of fal's that a request can go to."""
        models = self.models.values()
        routes = (route.endpoint for model in models for route in model.conflicts.routes)
        return frozenset((*(model.endpoint for model in models), *routes))

    def parse(self, body: JsonValue) -> ModelRequest:
        """The typed request that a body is.

        Raises:
            UnknownModel: `model` names none.
            InvalidInput: with every fault at once.
        """
        named = self._named_or_none(body)
        if named is None:
            raise self.refusal((), body)
        try:
            return named.request_class.model_validate(body)
        except ValidationError as error:
            raise self.refusal(error.errors(include_url=False), body) from error

    def parse_item(self, body: JsonValue) -> ModelRequest:
        """The typed request that an item of a batch is; its user is `None` if it was left out.

        Raises:
            UnknownModel: `model` names none.
            InvalidInput: with every fault at once.
        """
        named = self._named_or_none(body)
        if named is None:
            raise self.refusal((), _with_a_user(body))
        try:
            return self._items[named.name].model_validate(body)
        except ValidationError as error:
            raise self.refusal(error.errors(include_url=False), _with_a_user(body)) from error

    def refusal(self, errors: Sequence[ErrorDetails], body: JsonValue, *, planned: bool = False) -> InvalidRequest:
        """What to answer to a body in which pydantic found errors.

        Args:
            errors: pydantic's or FastAPI's; a place may begin with `body` and with the model's name.
            body: the JSON that was validated; where it is no JSON at all, anything but an object.
            planned: whether it was to be priced only.
        """
        unreadable = next((error for error in errors if error["type"] == "json_invalid"), None)
        if unreadable is not None:
            return InvalidInput([_no_json(unreadable)])
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
        told = [_below_the_tag(error, named.name) for error in islice(errors, MOST_FAULTS)]
        return (named.estimate_refusal if planned else named.refusal)(told, body)

    def batch_refusal(self, errors: Sequence[ErrorDetails], body: JsonValue) -> InvalidRequest:
        """What to answer to the body of a batch in which pydantic found errors, with the faults of its requests too.

        Args:
            errors: as for `refusal`.
            body: as for `refusal`.
        """
        if not isinstance(body, dict) or any(error["type"] == "json_invalid" for error in errors):
            return self.refusal(errors, body)
        of_batch = faults((_below_the_tag(error, None) for error in errors), _BATCH)
        requests = body.get("requests")
        return InvalidInput(chain(of_batch, self._item_faults(requests if isinstance(requests, list) else ())))

    def _item_faults(self, requests: Sequence[JsonValue]) -> Iterator[Fault]:
        """The faults of all requests, one request after the other: read as far as faults are taken."""
        for number, request in enumerate(requests):
            try:
                self.parse_item(request)
            except InvalidRequest as refusal:
                yield from faults_of_request(number, refusal)

    def _named(self, body: JsonValue) -> Model | None:
        name = body.get("model") if isinstance(body, dict) else None
        return self.model(name) if isinstance(name, str) else None

    def _named_or_none(self, body: JsonValue) -> Model | None:
        try:
            return self._named(body)
        except UnknownModel:
            return None  # the refusal says it, with what else is wrong

    def _nameless_faults(
        self, errors: Sequence[ErrorDetails], body: Mapping[str, JsonValue], envelope: type[Envelope]
    ) -> list[Fault]:
        """The faults of a body that names no known model; of a request for pictures, pydantic says only that."""
        if all(error["type"].startswith("union_tag_") for error in errors):
            errors = _envelope_errors(body, envelope)
        told = [_below_the_tag(error, None) for error in islice(errors, MOST_FAULTS)]
        found = [*faults(told, self._envelopes[envelope]), *_misplaced(body)]
        return [self._with_models(fault) if fault.pointer == "/model" else fault for fault in found]

    def _with_models(self, fault: Fault) -> Fault:
        return Fault(pointer=fault.pointer, code=fault.code, message=fault.message, valid=tuple(self.models))


def faults_of_request(number: int, refusal: InvalidRequest) -> list[Fault]:
    """The faults of one request of a batch, counted from 0, as faults of the batch."""
    place = ("requests", number)
    match refusal:
        case InvalidInput() | UnknownModel():
            found = refusal.faults
        case _:
            raise refusal
    return [
        replace(fault, pointer=pointer(place) + fault.pointer, message=f"{spoken(place)}: {fault.message}")
        for fault in found
    ]


_BATCH = Shape("A batch", RequestBatch.model_json_schema())


def load_registry(files: Sequence[Path] = ()) -> Registry:
    """Read the built-in catalog, then the user's own files, which add to it or replace whole entries.

    Raises:
        CatalogError: with file, line and key of everything that is wrong.
    """
    words = load_vocabulary(_HERE / "parameters.yaml")
    listings: dict[str, Listing] = {}
    wrong = Gathering()
    for path in (_HERE / "catalog.yaml", *files):
        listings.update({listing.name: listing for listing in read_catalog(path, words, wrong)})
    wrong.add(_equal_class_names(listings.values(), words))
    annotator = Annotator(
        words.definitions, taken={f"{class_stem(name)}{kind}" for name in listings for kind in _KINDS}
    )
    known = FAL_PARAMETERS.union(words.names, *((*listing.inputs, *listing.options) for listing in listings.values()))
    models: dict[str, Model] = {}
    for name, listing in listings.items():
        with wrong.going_on():
            models[name] = assemble(listing, annotator, known)
    wrong.stop()
    return Registry(models, [text for listing in listings.values() for text in _warnings(listing, words)])


def _equal_class_names(listings: Iterable[Listing], words: Vocabulary) -> Iterator[CatalogError]:
    owners = dict.fromkeys((*_RESERVED_STEMS, *words.definitions), "imagegen itself")
    for listing in listings:
        stem = class_stem(listing.name)
        if stem in owners:
            yield listing.error((), f"expected another name: {owners[stem]} has classes named {stem}… already")
        owners[stem] = repr(listing.name)


def _warnings(listing: Listing, words: Vocabulary) -> list[str]:
    place = f"{listing.document.file}: {listing.name}"
    return [
        f"{place}: no parameter {name!r} is known, so any JSON is accepted for it{did_you_mean(name, words.names)}"
        for name in listing.unknown
    ]


def _envelope(kind: type[Envelope], models: Iterable[Model]) -> Shape:
    """A request before its model is known; its sections have the names that some model takes."""
    schema = kind.model_json_schema()
    for model in models:
        taken = {"inputs": (*model.required_inputs, *model.optional_inputs), "options": model.options}
        for section, names in taken.items():
            schema["properties"][section].setdefault("properties", {}).update((name, {}) for name in names)
    return Shape("A request", schema)


def _envelope_errors(body: Mapping[str, JsonValue], envelope: type[Envelope]) -> Sequence[ErrorDetails]:
    try:
        envelope.model_validate(body)
    except ValidationError as error:
        return error.errors(include_url=False)
    return ()


def _misplaced(body: Mapping[str, JsonValue]) -> list[Fault]:
    """Members of the envelope that stand in a section, of a body that names no model."""
    found: list[Fault] = []
    for section in SECTIONS:
        part = body.get(section)
        for name in (name for name in ("model", "userId") if isinstance(part, dict) and name in part):
            message = f"{name!r} belongs at the top of the body."
            found.append(Fault(pointer=pointer((section, name)), code="misplaced_name", message=message))
    return found


def _with_a_user(request: JsonValue) -> JsonValue:
    """A batch's request as one of its own: some user, so that none is missed."""
    if not isinstance(request, dict):
        return request
    return request if request.get("userId") is not None else {**request, "userId": "user"}


def _below_the_tag(error: ErrorDetails, model: str | None) -> ErrorDetails:
    place = error["loc"]
    place = place[1:] if place[:1] == ("body",) else place
    place = place[1:] if place[:1] == (model,) else place
    return {**error, "loc": place}


def _no_json(error: ErrorDetails) -> Fault:
    reason = error.get("ctx", {}).get("error", "it cannot be read")
    return Fault(pointer="", code="invalid_json", message=f"The body is no valid JSON: {reason}.")
