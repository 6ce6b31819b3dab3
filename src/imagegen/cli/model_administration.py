"""What `imagegen models search`, `add`, `remove`, `check` and `update` do."""

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from imagegen.cli.catalog_sources import Facts, facts_of, found_by_fal
from imagegen.cli.check_report import CheckReport
from imagegen.cli.errors import InvalidArgument
from imagegen.cli.runtime import read_settings
from imagegen.endpoint_index import endpoint_index
from imagegen.errors import CannotImport
from imagegen.model_import.catalog_files import (
    check_text,
    read_text,
    replace_file,
    with_block,
    with_entries,
    without_entry,
)
from imagegen.model_import.catalog_text import entry_text
from imagegen.model_import.comparison import compare, updated_entry
from imagegen.model_import.costs import Cost, given_cost
from imagegen.model_import.entry_mapping import MappedEntry
from imagegen.model_import.importing import Source, documents_of, endpoint_id, import_endpoint
from imagegen.registry import load_registry
from imagegen.registry.documents import read_document
from imagegen.registry.entries import is_money
from imagegen.settings import Settings

_MOST_FOUND = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What `models add` was asked for.

    Attributes:
        endpoints: ids, in any form that fal shows.
        name: the model's, for one endpoint.
        cost: as given with `--cost`.
        from_file: a file with a document, or with fal's answer for several models.
        offline: whether fal is not asked.
    """

    endpoints: tuple[str, ...]
    name: str | None
    cost: str | None
    from_file: Path | None
    offline: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedModel:
    """A model that was added, and its text."""

    mapped: MappedEntry
    text: str

    def as_json(self) -> dict[str, JsonValue]:
        """As `--json` prints it."""
        return {
            "name": self.mapped.name,
            "falEndpoint": self.mapped.entry["falEndpoint"],
            "entry": json.loads(json.dumps(dict(self.mapped.entry), default=float)),
            "mapped": [*self.mapped.mapped],
            "leftOut": [*self.mapped.left_out],
            "guessed": [*self.mapped.guessed],
            "notes": [*self.mapped.notes],
            "yaml": self.text,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """The models that were added to a file."""

    file: Path
    entries: Sequence[AddedModel]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundEndpoint:
    """An endpoint that a search found."""

    id: str
    category: str
    title: str
    price: str
    model: str | None = None
    source: str = "index"
    has_parameters: bool = True

    def as_json(self) -> dict[str, JsonValue]:
        """As `--json` prints it."""
        return {
            "endpoint": self.id,
            "category": self.category,
            "name": self.title,
            "price": self.price or None,
            "model": self.model,
            "source": self.source,
            "hasParameters": self.has_parameters,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateResult:
    """What `models update` changes.

    Attributes:
        changed: the names of the models.
        diff: of the file, as `diff -u` writes it.
    """

    file: Path
    changed: Sequence[str] = field(default_factory=tuple)
    diff: str = ""


def search_endpoints(text: str, *, offline: bool) -> Sequence[FoundEndpoint]:
    """The image endpoints that a text finds: those of the index, then those that only fal lists.

    Raises:
        InvalidArgument: the text is blank.
    """
    if not text.strip():
        raise InvalidArgument("TEXT: expected a word to search for")
    settings, _ = read_settings()
    registry = load_registry(existing_files(settings))
    models = {model.endpoint: name for name, model in registry.models.items()}
    found = [
        FoundEndpoint(
            id=each.id,
            category=each.category,
            title=each.title,
            price=_price_of(each.price.entry) if each.price else "",
            model=models.get(each.id),
            has_parameters=each.inputs is not None,
        )
        for each in endpoint_index().search(text)
    ]
    known = {each.id for each in found}
    for each in () if offline else found_by_fal(settings, text):
        if each.endpoint not in known and (each.category or "").endswith("-to-image"):
            title = each.title or each.endpoint
            model = models.get(each.endpoint)
            found.append(
                FoundEndpoint(
                    id=each.endpoint, category=each.category or "", title=title, price="", model=model, source="fal"
                )
            )
    return found[:_MOST_FOUND]


def add_models(wanted: Wanted, catalog: Path | None, *, dry_run: bool) -> Added:
    """Add entries to the catalog: all of them, or none.

    Raises:
        InvalidArgument: what was asked for does not fit together, or a name is taken.
        CannotImport: an endpoint cannot become a model.
        CatalogError: the catalog, or what it would be, cannot be loaded.
    """
    settings, _ = read_settings()
    file = catalog_file(settings, catalog)
    cost = _cost(wanted.cost)
    sources = _sources(settings, wanted)
    if wanted.name is not None and len(sources) != 1:
        raise InvalidArgument(f"--name is for one endpoint, and {len(sources)} are given")
    entries = [import_endpoint(name, source, name=wanted.name, cost=cost) for name, source in sources]
    _check_names(entries, settings, file)
    text = with_entries(read_text(file), entries)
    check_text(text, file, existing_files(settings))
    if not dry_run:
        replace_file(file, text)
    return Added(file=file, entries=[AddedModel(mapped=each, text=entry_text(each)) for each in entries])


def remove_model(name: str, catalog: Path | None, *, dry_run: bool) -> Path:
    """Remove an entry from the catalog.

    Raises:
        InvalidArgument: the catalog has no such entry.
        CatalogError: the catalog, or what it would be, cannot be loaded.
    """
    settings, _ = read_settings()
    file = catalog_file(settings, catalog)
    names = _entries_of(file)
    if name not in names:
        raise InvalidArgument(f"{name}: {file} has no such model; it has {', '.join(names) or 'none'}")
    text = without_entry(read_text(file), name, file)
    check_text(text, file, existing_files(settings))
    if not dry_run:
        replace_file(file, text)
    return file


def check_catalog(catalog: Path | None, *, offline: bool) -> CheckReport:
    """Compare each entry with what fal, or else the index, says of its endpoint."""
    settings, _ = read_settings()
    file = catalog_file(settings, catalog)
    written = _entries_of(file)
    facts = facts_of(settings, [_endpoint(entry) for entry in written.values()], offline=offline)
    differences = [
        found for name, entry in written.items() for found in compare(name, entry, _mapped(name, entry, facts))
    ]
    return CheckReport(file=file, checked=[*written], differences=differences)


def update_catalog(
    names: tuple[str, ...], catalog: Path | None, *, apply: bool, prices: bool, offline: bool
) -> UpdateResult:
    """Show, and with `apply` write, how entries change to be as fal says today.

    Raises:
        InvalidArgument: the catalog has no such entry.
    """
    settings, _ = read_settings()
    file = catalog_file(settings, catalog)
    written = _entries_of(file)
    if missing := [name for name in names if name not in written]:
        raise InvalidArgument(f"{file} has no model {missing[0]}; it has {', '.join(written) or 'none'}")
    chosen = {name: entry for name, entry in written.items() if not names or name in names}
    facts = facts_of(settings, [_endpoint(entry) for entry in chosen.values()], offline=offline)
    before = after = read_text(file)
    changed: list[str] = []
    for name, entry in chosen.items():
        mapped = _mapped(name, entry, facts)
        if isinstance(mapped, CannotImport) or not [*compare(name, entry, mapped)]:
            continue
        after = with_block(after, name, entry_text(updated_entry(mapped, entry, prices=prices)), file)
        changed.append(name)
    if changed:
        check_text(after, file, existing_files(settings))
    if apply and changed:
        replace_file(file, after)
    lines = difflib.unified_diff(before.splitlines(True), after.splitlines(True), str(file), f"{file} as fal says")  # noqa: FBT003
    return UpdateResult(file=file, changed=changed if before != after else [], diff="".join(lines))


def catalog_file(settings: Settings, catalog: Path | None) -> Path:
    """The file that is changed.

    Raises:
        InvalidArgument: neither an option nor the settings name one.
    """
    if catalog is not None:
        return catalog
    if not settings.service.catalog_files:
        raise InvalidArgument("--catalog FILE: expected the file of your catalog, because IMAGEGEN_CATALOG is not set")
    return settings.service.catalog_files[-1]


def existing_files(settings: Settings) -> Sequence[Path]:
    """The files of IMAGEGEN_CATALOG that exist: the first model makes the file."""
    return [file for file in settings.service.catalog_files if file.exists()]


def _sources(settings: Settings, wanted: Wanted) -> list[tuple[str | None, Source]]:
    if wanted.from_file is None:
        endpoints = [endpoint_id(text) for text in wanted.endpoints]
        facts = facts_of(settings, endpoints, offline=wanted.offline)
        return [(name, facts.source(name)) for name in endpoints]
    try:
        value = json.loads(wanted.from_file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidArgument(f"--from-file {wanted.from_file}: no JSON can be read from it: {error}") from error
    sources = documents_of(value, None)
    if len(wanted.endpoints) > 1 or (wanted.endpoints and len(sources) > 1):
        raise InvalidArgument("--from-file has one endpoint or several of its own; give at most one id")
    named = wanted.endpoints[0] if wanted.endpoints else None
    return [(named or source.endpoint, source) for source in sources]


def _cost(text: str | None) -> Cost | None:
    if text is None:
        return None
    try:
        return given_cost(text)
    except ValueError as error:
        raise InvalidArgument(str(error)) from error


def _check_names(entries: Sequence[MappedEntry], settings: Settings, file: Path) -> None:
    """An entry may take the place of a built-in one of the same endpoint that came after the first release."""
    own = _entries_of(file)
    models = load_registry(existing_files(settings)).models
    seen: set[str] = set()
    for each in entries:
        taken = models.get(each.name)
        is_replaced = taken is not None and taken.is_later_built_in and taken.endpoint == each.entry["falEndpoint"]
        if each.name in own or each.name in seen or (taken is not None and not is_replaced):
            where = f"{file} has it already" if each.name in own else "another model has this name"
            raise InvalidArgument(f"{each.name}: {where}; --name gives it another")
        seen.add(each.name)


def _entries_of(file: Path) -> Mapping[str, Mapping[str, Any]]:
    """The entries of a file as written; none if there is no file, or nothing but comments in it."""
    if all(not line.strip() or line.startswith("#") for line in read_text(file).splitlines()):
        return {}
    value: dict[str, Any] = read_document(file, keep_text=is_money).value
    return value


def _endpoint(entry: Mapping[str, Any]) -> str:
    return str(entry.get("falEndpoint", ""))


def _mapped(name: str, entry: Mapping[str, Any], facts: Facts) -> MappedEntry | CannotImport:
    """What would be written for an entry today, or why nothing would be."""
    endpoint = _endpoint(entry)
    try:
        source = facts.source(endpoint)
        try:
            return import_endpoint(endpoint, source, name=name)
        except CannotImport as refused:
            if refused.code != "no_price":
                raise
            cost = given_cost(str(entry.get("costPerImage", "0")))
            return import_endpoint(endpoint, source, name=name, cost=replace(cost, origin="that of before"))
    except CannotImport as refused:
        return refused


def _price_of(entry: Mapping[str, Any]) -> str:
    unit = entry.get("pricing", {}).get("unit", "image")
    return f"${entry['costPerImage']} / {unit}"
