"""Reads catalog files, and checks every entry against the vocabulary and for contradictions."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from pydantic import JsonValue, ValidationError

from imagegen.errors import CatalogError
from imagegen.registry.documents import Document, Place, did_you_mean, read_document
from imagegen.registry.entries import Entry, Example, Output, PriceRule, Retired, Route, is_money
from imagegen.registry.fault_collector import FaultCollector
from imagegen.registry.input_schemas import ParameterSchema
from imagegen.registry.pricing_checks import pricing_faults
from imagegen.registry.pricing_entries import PARTS, WrittenPricing
from imagegen.registry.values import SYNC_MODE, WHY_NO_SYNC_MODE
from imagegen.registry.vocabulary import ParameterSchemas, Vocabulary

_MODEL_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_MODEL_NAME_EXPECTED = "expected a model's name: lower-case letters, digits, '.', '_' and '-', up to 64"
_PARAMETERS = {"requiredInputs", "optionalInputs", "options", "parameters"}
_VALID = {"falEndpoint": "fal-ai/any", "category": "any", "costPerImage": "0", "description": "any"}
_WRITTEN = {
    "routes": Route,
    "priceRules": PriceRule,
    "example": Example,
    "pricing": WrittenPricing,
    "retired": Retired,
    "output": Output,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedEntry:
    """An entry with the schemas of its parameters.

    Attributes:
        name: the model's name.
        entry: the entry as written.
        document: the file that it is in.
        inputs: required inputs first.
        options: in the order of the entry, or of the vocabulary if the entry names none.
        narrowed: for each route, the parameters that it narrows.
        unknown: names that neither the vocabulary nor the entry describes; they accept any JSON.
    """

    name: str
    entry: Entry
    document: Document
    inputs: ParameterSchemas
    options: ParameterSchemas
    narrowed: tuple[ParameterSchemas, ...]
    unknown: tuple[str, ...]

    def error(self, place: Place, expected: str) -> CatalogError:
        """The error of a value at a place in the entry."""
        return self.document.error((self.name, *place), expected)


def read_catalog(
    path: Path,
    vocabulary: Vocabulary,
    faults: FaultCollector,
    unpriced: Mapping[str, ResolvedEntry] | None = None,
) -> Iterator[ResolvedEntry]:
    """Read one file: a mapping of model names to entries. Faults are collected, and reading continues.

    Args:
        path: the file.
        vocabulary: the parameters that imagegen knows.
        faults: collects the faults.
        unpriced: the built-in entries without a price, of which an entry of the same name without `falEndpoint` takes
            what it does not give itself.
    """
    with faults.collecting():
        document = read_document(path, keep_text=is_money)
        for name, value in document.value.items():
            with faults.collecting():
                whole = _completed(value, (unpriced or {}).get(name))
                yield _resolved_entry(document, name, whole, vocabulary)


def _completed(value: JsonValue, built_in: ResolvedEntry | None) -> JsonValue:
    """What a user's entry says, beside what the built-in entry says that it gives a price."""
    if built_in is None or not isinstance(value, dict) or "falEndpoint" in value:
        return value
    whole = built_in.document.value[built_in.name]
    assert isinstance(whole, dict)
    return {**whole, **value}


def _resolved_entry(document: Document, name: str, value: JsonValue, vocabulary: Vocabulary) -> ResolvedEntry:
    """Resolve one entry. A fault in its name or in one key does not hide those in other keys."""
    if name == "models" and isinstance(value, dict) and "falEndpoint" not in value:
        raise document.error((name,), "expected entries at the top of the file, without 'models:' around them")
    faults = FaultCollector()
    if not _MODEL_NAME.fullmatch(name):
        faults.add([document.error((name,), _MODEL_NAME_EXPECTED)])
    try:
        entry = Entry.model_validate(value)
    except ValidationError as error:
        faults.add(document.errors_from((name,), error, _keys_at))
        entry = _without_faults(value, error)
    resolved = None
    if entry is not None:
        with faults.collecting():
            resolved = _EntryResolver(document, name, entry, vocabulary).resolve()
    faults.raise_if_any()
    assert resolved is not None
    return resolved


def _without_faults(value: JsonValue, error: ValidationError) -> Entry | None:
    """The entry with valid values in place of wrong ones; None if its parameters are unknown."""
    wrong = {fault["loc"][0] for fault in error.errors() if fault["loc"]}
    if not isinstance(value, dict) or not wrong or wrong & _PARAMETERS:
        return None
    return Entry.model_validate({**_VALID, **{key: part for key, part in value.items() if key not in wrong}})


def _keys_at(place: Place) -> tuple[str, ...]:
    match place:
        case ("pricing", key, _, *_):
            return PARTS.get(str(key), WrittenPricing).keys()
        case (key, _, *_):
            return _WRITTEN.get(str(key), Entry).keys()
        case _:
            return Entry.keys()


@dataclass(frozen=True, slots=True)
class _EntryResolver:
    """Resolves one entry: looks up, changes and narrows its parameters."""

    document: Document
    name: str
    entry: Entry
    vocabulary: Vocabulary

    def resolve(self) -> ResolvedEntry:
        entry, vocabulary = self.entry, self.vocabulary
        inputs = (*entry.required_inputs, *entry.optional_inputs)
        options = tuple(o for o in vocabulary.options if o not in inputs) if entry.options is None else entry.options
        accepted = (*inputs, *options)
        faults = FaultCollector()
        wrong = chain(_listed_wrongly(entry), _repeated(entry), _named_wrongly(entry, accepted, options))
        faults.add(self.document.error((self.name, *place), expected) for place, expected in wrong)
        schemas: dict[str, ParameterSchema] = {}
        for parameter in dict.fromkeys(accepted):
            with faults.collecting():
                schemas[parameter] = self._schema(parameter)
        if len(schemas) == len(set(accepted)):
            found = pricing_faults(entry, schemas)
            faults.add(self.document.error((self.name, "pricing", *place), expected) for place, expected in found)
        narrowed = tuple(self._narrowed(index, schemas, faults) for index in range(len(entry.routes)))
        faults.raise_if_any()
        return ResolvedEntry(
            name=self.name,
            entry=entry,
            document=self.document,
            inputs={parameter: schemas[parameter] for parameter in inputs},
            options={parameter: schemas[parameter] for parameter in options},
            narrowed=narrowed,
            unknown=tuple(p for p in accepted if vocabulary.find(p) is None and p not in entry.parameters),
        )

    def _schema(self, parameter: str) -> ParameterSchema:
        known = self.vocabulary.find(parameter) or ParameterSchema()
        changes = self.entry.parameters
        return self._changed(("parameters", parameter), changes[parameter], known) if parameter in changes else known

    def _narrowed(self, index: int, schemas: ParameterSchemas, faults: FaultCollector) -> ParameterSchemas:
        narrowed: dict[str, ParameterSchema] = {}
        for name, change in self.entry.routes[index].parameters.items():
            if name in schemas:  # other names are reported by _named_wrongly
                with faults.collecting():
                    narrowed[name] = self._changed(("routes", index, "parameters", name), change, schemas[name])
        return narrowed

    def _changed(self, place: Place, change: JsonValue, known: ParameterSchema) -> ParameterSchema:
        where = (self.name, *place)
        schema = known.changed(self.vocabulary.schema(self.document, where, change))
        return self.vocabulary.checked(self.document, where, schema)


def _listed_wrongly(entry: Entry) -> Iterator[tuple[Place, str]]:
    """Names that are listed twice, or that no entry may list."""
    seen: dict[str, str] = {}
    lists = {
        "requiredInputs": entry.required_inputs,
        "optionalInputs": entry.optional_inputs,
        "options": entry.options or (),
    }
    for key, names in lists.items():
        for index, parameter in enumerate(names):
            if parameter == SYNC_MODE:
                yield (key, index), f"{SYNC_MODE} {WHY_NO_SYNC_MODE}"
            if parameter in seen:
                yield (key, index), f"{parameter!r} is already under {seen[parameter]}; expected each name once"
            seen[parameter] = key
    if entry.options is not None and ("width" in entry.options) is not ("height" in entry.options):
        yield ("options",), "expected width and height together, or neither"


def _repeated(entry: Entry) -> Iterator[tuple[Place, str]]:
    """Tags and paths of outputs that are there already."""
    for index, tag in enumerate(entry.tags):
        if tag in entry.tags[:index]:
            yield ("tags", index), f"expected each tag once, not {tag!r} again"
    paths = [output.path for output in entry.output]
    for index, path in enumerate(paths):
        if path in paths[:index]:
            yield ("output", index, "path"), f"expected each path once, not {path!r} again"


def _named_wrongly(entry: Entry, accepted: tuple[str, ...], options: tuple[str, ...]) -> Iterator[tuple[Place, str]]:
    """Names used elsewhere in the entry that it does not list."""
    for parameter in entry.default_options:
        if parameter not in options:
            yield ("defaultOptions", parameter), f"expected an option of this model{did_you_mean(parameter, options)}"
    named: list[tuple[Place, str]] = [(("parameters", parameter), parameter) for parameter in entry.parameters]
    named += [(("priceRules", index, "option"), rule.option) for index, rule in enumerate(entry.price_rules)]
    for index, route in enumerate(entry.routes):
        named.append((("routes", index, "when"), route.when))
        named += [(("routes", index, "parameters", parameter), parameter) for parameter in route.parameters]
    for place, parameter in named:
        if parameter not in accepted:
            yield place, f"expected a parameter that this entry lists{did_you_mean(parameter, accepted)}"
