"""`imagegen models`: what a running service can make images with."""

import textwrap
from collections.abc import Iterator
from typing import Annotated

import typer

from imagegen.cli.client.parameters import Parameters
from imagegen.cli.client.service import Json, model_path, open_service
from imagegen.cli.client.target import TargetOptions, with_options, with_target_options
from imagegen.cli.errors import reporting_errors
from imagegen.cli.model_filters import FilterOptions
from imagegen.cli.model_rows import model_facts, print_models
from imagegen.cli.output import JsonOption, dollars, print_json, print_message
from imagegen.cli.tables import Column, Row, print_table

app = typer.Typer(help="List models, and add any of fal's to your catalog.", no_args_is_help=True)
_WIDTH = 80
_PARAMETERS = (Column("PARAMETER"), Column("TYPE"), Column("DESCRIPTION"))


@app.command("list")
@with_target_options
@with_options("wanted", FilterOptions)
def list_models(
    *,
    wanted: FilterOptions,
    offline: Annotated[bool, typer.Option("--offline", help="Read the catalog, and ask no service.")] = False,
    target: TargetOptions,
    as_json: JsonOption = False,
) -> None:
    """List the models, with the price of one image, and what they can do."""
    with reporting_errors("The models cannot be listed", as_json=as_json):
        listed = _of_catalog(wanted) if offline else _of_service(wanted, target)
    if as_json:
        print_json({"models": listed["models"], "unpriced": listed.get("unpriced", [])})
        return
    print_models(listed["models"])
    if unpriced := ", ".join(model["name"] for model in listed.get("unpriced", [])):
        print_message("\n" + textwrap.fill(f"Set a price to enable: {unpriced}.", _WIDTH))


@app.command("show")
@with_target_options
def show_model(
    name: Annotated[
        str, typer.Argument(metavar="MODEL", help="The model's name, or the id of one of fal's endpoints.")
    ],
    *,
    target: TargetOptions,
    as_json: JsonOption = False,
) -> None:
    """Show what a model or one of fal's endpoints takes.

    Of a model, every parameter for `--set` and `--input`. An id, such as fal-ai/flux-2-pro, is looked up in the index.
    """
    if "/" in name:
        _show_endpoint(name, as_json=as_json)
        return
    with reporting_errors("The model cannot be shown", as_json=as_json), open_service(target) as service:
        model = service.get(model_path(name))
    if as_json:
        print_json({"model": model})
        return
    typer.echo(f"{model['name']}  {dollars(model['costPerImage'])} per image  {model['falEndpoint']}")
    typer.echo(f"{model['description']}\n")
    typer.echo("\n".join((*textwrap.wrap(f"{model['category']}; {model_facts(model)}".rstrip("; "), _WIDTH), "")))
    print_table(_PARAMETERS, list(_parameters(model)))
    typer.echo(f"\n{_command(model)}")


@app.command("reload")
@with_target_options
def reload_models(*, target: TargetOptions, as_json: JsonOption = False) -> None:
    """Have a running service take its changed catalog in.

    All of it, or nothing: every fault is printed. It needs a key with the scope admin.
    """
    with reporting_errors("The catalog is not reloaded", as_json=as_json), open_service(target) as service:
        change = service.post("/api/admin/catalog/reload")
    if as_json:
        print_json(change)
        return
    for warning in change["warnings"]:
        print_message(f"warning: {warning}")
    for what in ("added", "removed", "modified"):
        for name in change[what]:
            typer.echo(f"{what} {name}")
    typer.echo(f"{'reloaded' if change['changed'] else 'unchanged'}, sha256 {change['sha256']}")


def _of_service(wanted: FilterOptions, target: TargetOptions) -> Json:
    with open_service(target) as service:
        return service.get("/api/images/models", **wanted.query)


def _of_catalog(wanted: FilterOptions) -> Json:
    from imagegen.cli.endpoint_details import catalog_models
    from imagegen.wire.model_serializers import model_summary, unpriced_model

    models, unpriced = catalog_models()
    listed = () if wanted.is_given else unpriced
    return {
        "models": [model_summary(model).model_dump(mode="json") for model in wanted.matching(models)],
        "unpriced": [unpriced_model(model).model_dump(mode="json") for model in listed],
    }


def _show_endpoint(endpoint: str, *, as_json: bool) -> None:
    with reporting_errors("The endpoint cannot be shown", as_json=as_json):
        from imagegen.cli.endpoint_details import endpoint_as_json, find_endpoint, print_endpoint

        known = find_endpoint(endpoint)
    if as_json:
        print_json({"endpoint": endpoint_as_json(known)})
    else:
        print_endpoint(known)


def _parameters(model: Json) -> Iterator[Row]:
    """A row for each parameter, the required ones first."""
    parameters = Parameters(model)
    for name in sorted(parameters, key=lambda name: name not in parameters.required):
        parameter = parameters[name]
        kind = "image" if parameter.takes_images else " or ".join(sorted(parameter.types)) or "any"
        if parameter.takes_images and "array" in parameter.types:
            kind = "images"
        if choices := parameter.schema.get("enum"):
            kind = "choice"
            note = f" One of {', '.join(map(str, choices))}."
        else:
            note = ""
        required = "Required. " if name in parameters.required else ""
        yield Row((name, kind, f"{required}{parameter.schema.get('description', '')}{note}"))


def _command(model: Json) -> str:
    """A command that works, to start from."""
    parameters = Parameters(model)
    prompt = ' "A lighthouse in winter"' if "prompt" in parameters else ""
    images = "".join(
        f" -i {'photo' if number == 0 else f'photo-{number + 1}'}.jpg"
        for number, parameter in enumerate(parameters.image_parameters())
        if parameter.name in parameters.required
    )
    return f"imagegen generate{prompt} -m {model['name']}{images}"
