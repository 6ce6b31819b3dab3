"""Loads the registry: reads the built-in catalog and the user's, and decides which models are offered."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Final

from imagegen.errors import CatalogError
from imagegen.registry.annotations import Annotator
from imagegen.registry.assembly import assemble, check
from imagegen.registry.catalog import ResolvedEntry, read_catalog
from imagegen.registry.documents import did_you_mean
from imagegen.registry.fault_collector import FaultCollector
from imagegen.registry.model import Model
from imagegen.registry.model_classes import class_stem, with_mixed_names
from imagegen.registry.model_names import faults_of_successors, resolve_aliases
from imagegen.registry.names import FAL_PARAMETERS
from imagegen.registry.offer import Offer, choose_offered
from imagegen.registry.outputs import outputs_by_endpoint
from imagegen.registry.registry import Registry
from imagegen.registry.vocabulary import Vocabulary, load_vocabulary

_HERE: Final = Path(__file__).parent
_CATALOG: Final = sorted((_HERE / "catalog").glob("*.yaml"))
_RESERVED_STEMS: Final = frozenset({"Generate", "Model", "Estimate", "Batch"})
_KINDS: Final = ("Request", "BatchItem")
# The models of 0.1.0: what keys were for that it made for all models. A user's entry takes no other name of theirs.
FIRST_MODELS: Final = frozenset(
    {"nano-banana-edit", "flux-pro", "flux-dev", "flux-lora", "flux-dev-image-to-image", "face-swap"}
)
_Entries = dict[str, ResolvedEntry]


def load_registry(files: Sequence[Path] = (), offered: Sequence[str] = ()) -> Registry:
    """Read the built-in catalog, then the user's files, which add entries or replace whole ones.

    Args:
        files: the user's; later ones override earlier ones.
        offered: globs of the names of the models that are offered; empty: all.

    Raises:
        CatalogError: with file, line and key of every fault.
        SettingsError: a glob matches no model.
    """
    vocabulary = built_in_vocabulary()
    built_in = {entry.name: entry for entry in built_in_entries()}
    faults = FaultCollector()
    own: _Entries = {}
    for path in files:
        own.update({entry.name: entry for entry in read_catalog(path, vocabulary, faults, _unpriced(built_in))})
    given_way = dict(_given_way(built_in, own))
    entries = {**{name: entry for name, entry in built_in.items() if name not in given_way}, **own}
    faults.add(_equal_class_names(entries.values(), vocabulary))
    ours = frozenset(entries).difference(own)
    aliases, taken = resolve_aliases(entries, ours)
    faults.add([*taken, *faults_of_successors(entries, aliases)])
    offer = choose_offered(entries, offered)
    later = ours - FIRST_MODELS
    # Tests check the entries of the package.
    models = _assembled(entries, offer, aliases, later, checked=own.keys(), vocabulary=vocabulary, faults=faults)
    faults.raise_if_any()
    return Registry(
        models,
        [*given_way.values(), *(text for entry in entries.values() for text in _warnings(entry, vocabulary))],
        {alias: name for alias, name in aliases.items() if name in models},
        unpriced=offer.unpriced,
        withheld=offer.withheld,
        outputs=outputs_by_endpoint(entry.entry for entry in entries.values()),
    )


@cache
def built_in_vocabulary() -> Vocabulary:
    """The vocabulary of the package. It is read once."""
    return load_vocabulary(_HERE / "parameters.yaml")


@cache
def built_in_entries() -> Sequence[ResolvedEntry]:
    """The entries of the package, in the order of its files' names. They are read once."""
    faults = FaultCollector()
    entries = tuple(chain.from_iterable(read_catalog(path, built_in_vocabulary(), faults) for path in _CATALOG))
    faults.raise_if_any()
    return entries


def _unpriced(entries: Mapping[str, ResolvedEntry]) -> Mapping[str, ResolvedEntry]:
    """The entries that a user's entry only has to give a price."""
    return {name: entry for name, entry in entries.items() if entry.entry.cost_per_image is None}


def _given_way(built_in: Mapping[str, ResolvedEntry], own: Mapping[str, ResolvedEntry]) -> Iterator[tuple[str, str]]:
    """The built-in entries whose name, or whose classes' names, a user's entry has, each with a warning.

    A release that brings a model so stops no start.
    """
    taken = {class_stem(name): name for name in own}
    aliases = {alias: name for name, entry in own.items() for alias in entry.entry.aliases}
    for name in built_in:
        owner = aliases.get(name) or taken.get(class_stem(name))
        if owner is not None and owner != name and name not in own and name not in FIRST_MODELS:
            yield name, f"the built-in model {name!r} is not offered, because {owner!r} of your catalog has its name"


def _assembled(
    entries: _Entries,
    offer: Offer,
    aliases: Mapping[str, str],
    later: Collection[str],
    *,
    checked: Collection[str],
    vocabulary: Vocabulary,
    faults: FaultCollector,
) -> dict[str, Model]:
    annotator = Annotator(
        vocabulary.definitions, taken={f"{class_stem(name)}{kind}" for name in entries for kind in _KINDS}
    )
    known = FAL_PARAMETERS.union(vocabulary.names, *((*entry.inputs, *entry.options) for entry in entries.values()))
    models: dict[str, Model] = {}
    for name, entry in entries.items():
        if name in offer.names:
            with faults.collecting():
                own = tuple(alias for alias in entry.entry.aliases if aliases.get(alias) == name)
                models[name] = assemble(entry, annotator, known, own, is_later_built_in=name in later)
    mixed = with_mixed_names(models)
    for name, model in models.items():
        if name in mixed:
            model.classes.make_all()
        if name in checked:
            with faults.collecting():
                check(entries[name], model)
    return models


def _equal_class_names(entries: Iterable[ResolvedEntry], vocabulary: Vocabulary) -> Iterator[CatalogError]:
    owners = dict.fromkeys((*_RESERVED_STEMS, *vocabulary.definitions), "imagegen itself")
    for entry in entries:
        stem = class_stem(entry.name)
        if stem in owners:
            yield entry.error((), f"expected another name: {owners[stem]} already has classes named {stem}…")
        owners[stem] = repr(entry.name)


def _warnings(entry: ResolvedEntry, vocabulary: Vocabulary) -> list[str]:
    place = f"{entry.document.file}: {entry.name}"
    return [
        f"{place}: no parameter {name!r} is known, so any JSON is accepted for it{did_you_mean(name, vocabulary.names)}"
        for name in entry.unknown
    ]
