"""Other names of models, and successors of retired ones: what each means, and what is wrong with them."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from imagegen.errors import CatalogError
from imagegen.registry.catalog import ResolvedEntry
from imagegen.registry.documents import did_you_mean

Entries = Mapping[str, ResolvedEntry]


def resolve_aliases(entries: Entries, built_in: Collection[str]) -> tuple[Mapping[str, str], Sequence[CatalogError]]:
    """The model of each alias, and the aliases that are taken.

    An alias of an entry in `built_in` gives way to a name or alias of a user's, so that an upgrade stops no start.
    """
    owners: dict[str, str] = {}
    faults: list[CatalogError] = []
    for entry in sorted(entries.values(), key=lambda each: each.name in built_in):
        for index, alias in enumerate(entry.entry.aliases):
            owner = alias if alias in entries else owners.setdefault(alias, entry.name)
            if alias in entry.entry.aliases[:index]:
                faults.append(entry.error(("aliases", index), f"expected each alias once, not {alias!r} again"))
            elif owner != entry.name or alias in entries:
                gives_way = entry.name in built_in and owner not in built_in
                expected = f"expected another name: {alias!r} is taken by {owner!r}"
                faults += [] if gives_way else [entry.error(("aliases", index), expected)]
    return owners, faults


def faults_of_successors(entries: Entries, aliases: Mapping[str, str]) -> Iterator[CatalogError]:
    """Successors that do not exist, or lead back to their model."""
    for entry in entries.values():
        successor = _successor(entry, aliases)
        if successor is None:
            continue
        if successor not in entries:
            hint = did_you_mean(successor, (*entries, *aliases))
            yield entry.error(("retired", "successor"), f"expected the name of a model{hint}")
        elif _leads_back(entry, entries, aliases):
            yield entry.error(("retired", "successor"), "expected a successor that does not lead back to this model")


def _leads_back(entry: ResolvedEntry, entries: Entries, aliases: Mapping[str, str]) -> bool:
    seen, name = {entry.name}, _successor(entry, aliases)
    while name is not None and name in entries and name not in seen:
        seen.add(name)
        name = _successor(entries[name], aliases)
    return name == entry.name


def _successor(entry: ResolvedEntry, aliases: Mapping[str, str]) -> str | None:
    """The name of the model that an entry has as its successor."""
    named = entry.entry.retired.successor if entry.entry.retired else None
    return None if named is None else aliases.get(named, named)
