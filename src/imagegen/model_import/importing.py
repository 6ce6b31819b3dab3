"""Imports endpoints: finds what is known of each, and maps it; a source that has it is named in the result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final, cast
from urllib.parse import quote

from imagegen.endpoint_index import IndexedEndpoint, endpoint_index
from imagegen.errors import CannotImport
from imagegen.model_import.costs import Cost, indexed_cost, listed_cost
from imagegen.model_import.endpoint_documents import EndpointDocument, read_endpoint
from imagegen.model_import.entry_mapping import MappedEntry, map_endpoint
from imagegen.model_import.json_schemas import as_object
from imagegen.model_import.outputs import PRODUCTS, kind_made
from imagegen.registry.endpoints import normalize_endpoint

_DOCUMENTS: Final = "https://fal.ai/api/openapi/queue/openapi.json?endpoint_id="


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What is known of an endpoint.

    Attributes:
        endpoint: its id; None if only the document says it.
        document: its OpenAPI document; None if only its existence is known.
        origin: where the document is from, as the end of a sentence.
        title: fal's display name.
        category: fal's.
        is_deprecated: whether fal is about to end it.
        is_training: whether it trains.
        price: amount, unit and currency of fal's price list.
    """

    endpoint: str | None = None
    document: object
    origin: str
    title: str | None = None
    category: str | None = None
    is_deprecated: bool = False
    is_training: bool = False
    price: tuple[Decimal, str | None, str] | None = None


def import_endpoint(
    endpoint: str | None, source: Source, *, name: str | None = None, cost: Cost | None = None
) -> MappedEntry:
    """Map an endpoint to an entry.

    Args:
        endpoint: its id; None if its document says it.
        source: what is known of it.
        name: the model's; default: from the endpoint.
        cost: the operator's price; default: fal's, or that of the index.

    Raises:
        CannotImport: it makes no images, is deprecated, or lacks what an entry needs.
    """
    endpoint = endpoint or source.endpoint
    shown = endpoint or "the document"
    made = "training" if source.is_training else kind_made(source.category, {})
    if made is not None:
        raise CannotImport(shown, made, f"it makes {PRODUCTS[made]}, not images.", "This service makes images only.")
    if source.is_deprecated:
        raise CannotImport(shown, "deprecated", "fal has deprecated it.", "Take its successor.")
    document = read_endpoint(source.document, endpoint)
    known = endpoint_index().find(document.endpoint)
    if cost is None:
        cost = _cost(document, source, known)
    title = source.title or (known.title if known else None)
    mapped = map_endpoint(document, cost, name=name, title=title, today=f"{datetime.now(UTC):%Y-%m-%d}")
    return _with_origin(mapped, source)


def indexed_source(endpoint: str) -> Source:
    """What the index knows of an endpoint.

    Raises:
        CannotImport: it is not in the index, makes no images, or its parameters are not known.
    """
    index = endpoint_index()
    known = index.find(endpoint)
    if known is None:
        raise not_indexed(endpoint)
    document = known.document()
    if document is None:
        reason = "it is live, and its parameters are not known here."
        price = "" if known.price else " Its price is not known either: --cost gives it."
        raise CannotImport(endpoint, "no_schema", reason, f"{_how_to_read(endpoint)}{price}")
    return Source(
        document=document, origin=f"from the index of {index.date}", title=known.title, category=known.category
    )


def documents_of(value: object, endpoint: str | None) -> Sequence[Source]:
    """What a file holds: an OpenAPI document, or an answer of fal's list of models with documents.

    Raises:
        CannotImport: it is neither.
    """
    rows = as_object(value).get("models")
    if not isinstance(rows, list):
        return [Source(document=value, origin="from the document in the file")]
    found = [_listed(as_object(row)) for row in cast("list[object]", rows)]
    if not found:
        remedy = "--from-file takes the OpenAPI document of an endpoint, or fal's list of models with documents."
        raise CannotImport(endpoint or "the file", "no_schema", "the file lists no models.", remedy)
    return found


def _listed(row: Mapping[str, Any]) -> Source:
    about: Mapping[str, Any] = row.get("metadata") or {}
    return Source(
        endpoint=row.get("endpoint_id"),
        document=row.get("openapi"),
        origin="from the document in the file",
        title=about.get("display_name"),
        category=about.get("category"),
        is_deprecated=about.get("status") == "deprecated",
        is_training=about.get("kind") == "training",
    )


def document_url(endpoint: str) -> str:
    """Where fal serves the OpenAPI document of an endpoint, without a key."""
    return _DOCUMENTS + quote(endpoint)


def _how_to_read(endpoint: str) -> str:
    """What to do for the parameters of an endpoint that are not in the index."""
    url = document_url(endpoint)
    return (
        f"With FAL_KEY, fal is asked. Without it, save {url} as document.json, and give it: --from-file document.json."
    )


def endpoint_id(text: str) -> str:
    """The id that a text means: an id, with or without fal as its owner, or the address of a page of fal's."""
    index = endpoint_index()
    if index.find(text) is not None or index.kind_of_other(text) is not None:
        return text
    return _by_short_id().get(normalize_endpoint(text), text)


@cache
def _by_short_id() -> Mapping[str, str]:
    index = endpoint_index()
    return {normalize_endpoint(name): name for name in (*index.others, *reversed(index.ids))}


def not_indexed(endpoint: str) -> CannotImport:
    """Why an endpoint that is not in the index cannot be imported from it: what it makes, or the nearest ids."""
    index = endpoint_index()
    kind = index.kind_of_other(endpoint)
    if kind == "image":
        reason = f"fal no longer listed it on {index.date}."
        return CannotImport(endpoint, "not_live", reason, f"If it works: {_how_to_read(endpoint)}")
    if kind is not None:
        made = PRODUCTS[kind]
        return CannotImport(endpoint, kind, f"it makes {made}, not images.", "This service makes images only.")
    near = index.nearest(endpoint)
    hint = f"Did you mean {' or '.join(near)}? " if near else ""
    return CannotImport(
        endpoint, "unknown", f"no such endpoint was live on {index.date}.", f"{hint}{_how_to_read(endpoint)}"
    )


def _cost(document: EndpointDocument, source: Source, known: IndexedEndpoint | None) -> Cost | None:
    price = known.price if known else None
    if source.price is not None:
        return listed_cost(document.endpoint, *source.price, price)
    return indexed_cost(price) if price else None


def _with_origin(mapped: MappedEntry, source: Source) -> MappedEntry:
    note = f"The parameters are {source.origin}."
    return MappedEntry(
        name=mapped.name,
        entry=mapped.entry,
        mapped=mapped.mapped,
        left_out=mapped.left_out,
        guessed=mapped.guessed,
        notes=[note, *mapped.notes],
    )
