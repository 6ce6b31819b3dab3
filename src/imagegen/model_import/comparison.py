"""Compares an entry with what would be written for its endpoint today."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from pydantic import JsonValue

from imagegen.errors import CannotImport
from imagegen.model_import.entry_mapping import MappedEntry
from imagegen.model_import.json_schemas import as_object
from imagegen.model_import.parameter_mapping import effective, takes_more

_PRICE_KEYS: Final = ("costPerImage", "pricing", "priceRules")
# What the operator decides, and no document says.
_OWN_KEYS: Final = ("defaultOptions", "aliases", "retired", "routes", "example", "description", "category", "tags")
_LISTS: Final = ("requiredInputs", "optionalInputs", "options")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A difference between an entry and its endpoint.

    Attributes:
        code: what differs, as a word.
        message: the same as a sentence without its model.
        is_fault: whether requests may fail or cost more than they are charged; otherwise it is only new.
    """

    model: str
    code: str
    message: str
    is_fault: bool = True

    def as_json(self) -> dict[str, JsonValue]:
        """As `--json` prints it."""
        return {"model": self.model, "code": self.code, "message": self.message, "isFault": self.is_fault}


def compare(name: str, written: Mapping[str, Any], today: MappedEntry | CannotImport) -> Iterator[Difference]:
    """Every difference, in the order of an entry's keys."""
    if isinstance(today, CannotImport):
        yield Difference(model=name, code=today.code, message=today.reason, is_fault="retired" not in written)
        return
    entry = today.entry
    before, after = _listed(written), _listed(entry)
    for parameter in before:
        if parameter not in after and parameter not in {"width", "height"}:
            yield _of(name, "parameter_gone", f"{parameter} is no longer taken")
    for parameter in after:
        if parameter not in before and parameter not in {"width", "height"}:
            required = parameter in entry["requiredInputs"]
            code = "parameter_required" if required else "parameter_new"
            yield Difference(model=name, code=code, message=f"{parameter} is new", is_fault=required)
    required = [each for each in entry["requiredInputs"] if each in before and each not in written["requiredInputs"]]
    for parameter in required:
        yield _of(name, "parameter_required", f"{parameter} is required")
    yield from _changed_schemas(name, written, entry)
    yield from _changed_price(name, written, entry)


def updated_entry(today: MappedEntry, written: Mapping[str, Any], *, prices: bool) -> MappedEntry:
    """What is written in place of an entry: its own words and, unless `prices`, its price stay."""
    kept = {key: written[key] for key in _OWN_KEYS if key in written}
    entry = {key: value for key, value in today.entry.items() if prices or key not in _PRICE_KEYS}
    if not prices:
        kept |= {key: _amount(written[key]) for key in _PRICE_KEYS if key in written}
    ordered = [*today.entry, *(key for key in kept if key not in today.entry)]
    merged = {**entry, **kept}
    return replace(today, entry={key: merged[key] for key in ordered if key in merged})


def _listed(entry: Mapping[str, Any]) -> list[str]:
    return [name for key in _LISTS for name in entry.get(key) or ()]


def _of(name: str, code: str, message: str) -> Difference:
    return Difference(model=name, code=code, message=message)


def _changed_schemas(name: str, written: Mapping[str, Any], entry: Mapping[str, Any]) -> Iterator[Difference]:
    """A parameter that takes more than fal is a fault; one that takes less may be on purpose."""
    before, after = as_object(written.get("parameters")), as_object(entry.get("parameters"))
    shared = {*_listed(written)} & {*_listed(entry)}
    for parameter in (each for each in {**before, **after} if each in shared):
        old, new = (effective(parameter, as_object(each.get(parameter))) for each in (before, after))
        differing = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
        if takes_more(old, new):
            yield _of(name, "parameter_changed", f"{parameter} takes more than fal does: see {', '.join(differing)}")
        elif takes_more(new, old):
            message = f"{parameter} takes less than fal does: see {', '.join(differing)}"
            yield Difference(model=name, code="parameter_narrower", message=message, is_fault=False)


def _changed_price(name: str, written: Mapping[str, Any], entry: Mapping[str, Any]) -> Iterator[Difference]:
    old, new = _amount(written.get("costPerImage")), entry["costPerImage"]
    if old != new:
        yield _of(name, "price_changed", f"fal's price is ${new:f}, and the entry's ${old}")
    units = [as_object(each.get("pricing")).get("unit", "image") for each in (written, entry)]
    if units[0] != units[1]:
        yield _of(
            name, "price_unit_changed", f"fal's price is for each {units[1]}, and the entry's for each {units[0]}"
        )


def _amount(value: Any) -> Any:
    return Decimal(value) if isinstance(value, str) else value
