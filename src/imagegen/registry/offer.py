"""Which models of the catalog are offered: those that IMAGEGEN_MODELS names and that have a price."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from imagegen.errors import SettingsError
from imagegen.registry.catalog import ResolvedEntry
from imagegen.registry.documents import did_you_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpricedModel:
    """A model that the catalog describes, and that needs a price of the operator's before it is offered."""

    name: str
    endpoint: str
    category: str
    description: str
    source: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Which models are offered, and why others are not.

    Attributes:
        names: of the models that are offered.
        unpriced: those that only lack a price, in the catalog's order.
        withheld: why each of the others is not offered, as the end of a sentence, by every name that it has.
    """

    names: frozenset[str]
    unpriced: Sequence[UnpricedModel]
    withheld: Mapping[str, str]


def choose_offered(entries: Mapping[str, ResolvedEntry], globs: Sequence[str]) -> Offer:
    """Choose the entries of which a name or alias matches a glob, and that have a price.

    Raises:
        SettingsError: a glob matches none, or all that match lack a price.
    """
    names = {name: (name, *entry.entry.aliases) for name, entry in entries.items()}
    if unmatched := [glob for glob in globs if not any(_is_match(each, (glob,)) for each in names.values())]:
        raise SettingsError([_unmatched(glob, entries) for glob in unmatched])
    wanted = {name: entry for name, entry in entries.items() if not globs or _is_match(names[name], globs)}
    unpriced = [
        UnpricedModel(
            name=name,
            endpoint=entry.entry.fal_endpoint,
            category=entry.entry.category,
            description=entry.entry.description,
            source=entry.entry.source,
        )
        for name, entry in wanted.items()
        if entry.entry.cost_per_image is None
    ]
    lacking = {each.name for each in unpriced}
    if wanted.keys() == lacking:
        raise SettingsError([f"IMAGEGEN_MODELS: {', '.join(sorted(lacking))}: a price must be set first ({_PRICE})"])
    reasons = dict.fromkeys(entries.keys() - wanted.keys(), "is not offered by this service")
    reasons |= dict.fromkeys(lacking, f"has no price yet: {_PRICE}")
    return Offer(
        names=frozenset(wanted) - lacking,
        unpriced=unpriced,
        withheld={each: reason for name, reason in reasons.items() for each in names[name]},
    )


_PRICE = "set costPerImage for it in a file of IMAGEGEN_CATALOG"


def _is_match(names: Sequence[str], globs: Sequence[str]) -> bool:
    return any(fnmatchcase(name, glob) for name in names for glob in globs)


def _unmatched(glob: str, entries: Mapping[str, ResolvedEntry]) -> str:
    hint = did_you_mean(glob, entries) or ", expected names or globs such as flux-*, separated by commas"
    return f"IMAGEGEN_MODELS: {glob!r} matches no model{hint}"
