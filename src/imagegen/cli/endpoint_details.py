"""What `imagegen models show` and `list` say without a service: of an endpoint, and of the catalog."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import typer
from pydantic import JsonValue

from imagegen.cli.runtime import read_settings
from imagegen.cli.tables import Column, Row, print_table
from imagegen.clock import now
from imagegen.endpoint_index import IndexedEndpoint, endpoint_index
from imagegen.model_import.importing import document_url, endpoint_id, not_indexed
from imagegen.model_import.parameter_mapping import describe
from imagegen.registry import UnpricedModel, load_registry
from imagegen.registry.model import Model

_PARAMETERS: Final = (Column("PARAMETER"), Column("TYPE"), Column("DESCRIPTION"))


def find_endpoint(endpoint: str) -> IndexedEndpoint:
    """An endpoint of the index.

    Raises:
        CannotImport: it is not in the index; with what it makes, or the nearest ids.
    """
    known = endpoint_index().find(endpoint_id(endpoint))
    if known is None:
        raise not_indexed(endpoint_id(endpoint))
    return known


def endpoint_as_json(known: IndexedEndpoint) -> dict[str, JsonValue]:
    """An endpoint as `--json` prints it."""
    price = known.price
    return {
        "endpoint": known.id,
        "name": known.title,
        "category": known.category,
        "result": known.result,
        "inputs": None if known.inputs is None else {name: dict(schema) for name, schema in known.inputs.items()},
        "required": [*known.required],
        "price": None if price is None else {**price.entry, "verifiedAt": str(price.verified_at)},
        "documentUrl": document_url(known.id),
    }


def print_endpoint(known: IndexedEndpoint) -> None:
    """An endpoint's name, price and parameters, and the command that adds it."""
    price = "price not known" if known.price is None else _price(known.price.entry)
    typer.echo(f"{known.id}  {price}  {known.category}")
    typer.echo(f"{known.title}\n")
    add = f"imagegen models add {known.id}{'' if known.price else ' --cost 0.03/image'}"
    if known.inputs is None:
        typer.echo("Its parameters are not in the index. With FAL_KEY, fal is asked for them:\n")
        typer.echo(f"{add}\n\nWithout it, from the document that fal serves to everybody:\n")
        typer.echo(f"curl -o document.json '{document_url(known.id)}'\n{add} --from-file document.json")
        return
    rows = [_row(name, schema, required=name in known.required) for name, schema in known.inputs.items()]
    print_table(_PARAMETERS, sorted(rows, key=lambda row: not row.cells[2].startswith("Required")))
    typer.echo(f"\n{add}")


def catalog_models() -> tuple[Sequence[Model], Sequence[UnpricedModel]]:
    """The models of the catalog that a service would list today, and those that only lack a price.

    Raises:
        CatalogError: the catalog cannot be loaded.
    """
    settings, _ = read_settings()
    files = [file for file in settings.service.catalog_files if file.exists()]
    registry, today = load_registry(files, settings.service.offered_models), now().date()
    return [model for model in registry.models.values() if not model.is_retired(today)], registry.unpriced


def _row(name: str, schema: Mapping[str, Any], *, required: bool) -> Row:
    branches = schema.get("anyOf", [schema])
    choices = [str(value) for branch in branches for value in branch.get("enum", ())]
    kinds = [str(branch.get("type") or "object") for branch in branches]
    kind = "image" if schema.get("format") == "uri" else "choice" if choices else " or ".join(dict.fromkeys(kinds))
    note = f" One of {', '.join(choices)}." if choices else ""
    default = f" Default: {schema['default']}." if "default" in schema else ""
    return Row((name, kind, f"{'Required. ' if required else ''}{describe(name, {})}{note}{default}"))


def _price(entry: Mapping[str, Any]) -> str:
    unit = entry.get("pricing", {}).get("unit", "image")
    return f"${entry['costPerImage']} per {unit}"
