"""`imagegen models search`, `add`, `remove`, `check` and `update`: a user's catalog, from what fal offers."""

from pathlib import Path
from typing import Annotated

import typer
from pydantic import JsonValue

from imagegen.cli.errors import InvalidArgument, reporting_errors
from imagegen.cli.exit_codes import ExitCode
from imagegen.cli.output import JsonOption, print_json, print_message

CatalogOption = Annotated[
    Path | None,
    typer.Option("--catalog", metavar="FILE", help="The catalog. Default: the last file of IMAGEGEN_CATALOG."),
]
OfflineOption = Annotated[bool, typer.Option("--offline", help="Ask only the index, also if FAL_KEY is set.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Print what would be written, and write nothing.")]


def search(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="Words of the endpoint's id, name or category.")],
    *,
    offline: OfflineOption = False,
    as_json: JsonOption = False,
) -> None:
    """Search fal's image endpoints, in the index and, with FAL_KEY, at fal."""
    with reporting_errors("fal's endpoints cannot be searched", as_json=as_json):
        from imagegen.cli.model_administration import search_endpoints
        from imagegen.cli.model_tables import print_found

        found = search_endpoints(text, offline=offline)
    if as_json:
        print_json({"endpoints": [each.as_json() for each in found]})
    elif found:
        print_found(found)
    else:
        print_message(f"No image endpoint has {text!r} in its id, name or category.")


def add(
    endpoints: Annotated[
        list[str] | None, typer.Argument(metavar="ENDPOINT...", help="Ids such as fal-ai/flux-2-pro.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="The model's name, for one endpoint. Default: from the id.")] = None,
    cost: Annotated[
        str | None, typer.Option("--cost", metavar="COST", help="Its price: 0.03/image, 0.02/megapixel, 0.05/request.")
    ] = None,
    from_file: Annotated[
        Path | None,
        typer.Option("--from-file", metavar="FILE", help="An OpenAPI document of fal's, in place of asking."),
    ] = None,
    catalog: CatalogOption = None,
    *,
    offline: OfflineOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Add endpoints as models to your catalog.

    It says what was mapped, left out and guessed. All are added, or none.
    """
    with reporting_errors("The models cannot be added", as_json=as_json):
        from imagegen.cli.model_administration import Wanted, add_models
        from imagegen.cli.model_tables import print_added

        if not endpoints and from_file is None:
            raise InvalidArgument("ENDPOINT...: expected the id of an endpoint, or --from-file")
        wanted = Wanted(endpoints=tuple(endpoints or ()), name=name, cost=cost, from_file=from_file, offline=offline)
        added = add_models(wanted, catalog, dry_run=dry_run)
    if as_json:
        rows: list[JsonValue] = [each.as_json() for each in added.entries]
        print_json({"models": rows, "catalog": str(added.file), "written": not dry_run})
    else:
        print_added(added, dry_run=dry_run)


def remove(
    name: Annotated[str, typer.Argument(metavar="MODEL", help="The model's name in your catalog.")],
    catalog: CatalogOption = None,
    *,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Remove a model from your catalog. The rest of the file stays as it is."""
    with reporting_errors("The model cannot be removed", as_json=as_json):
        from imagegen.cli.model_administration import remove_model

        file = remove_model(name, catalog, dry_run=dry_run)
    if as_json:
        print_json({"removed": name, "catalog": str(file), "written": not dry_run})
    else:
        print_message(f"{name} {'would be' if dry_run else 'is'} removed from {file}.")


def check(
    catalog: CatalogOption = None,
    *,
    metrics_file: Annotated[
        Path | None,
        typer.Option(
            "--metrics-file", metavar="FILE", help="Also write the result as metrics, for node_exporter: FILE.prom."
        ),
    ] = None,
    offline: OfflineOption = False,
    as_json: JsonOption = False,
) -> None:
    """Compare your catalog with what fal says today.

    The exit code is 1 if an endpoint is gone or deprecated, its parameters differ, or its price does.
    """
    with reporting_errors("The catalog cannot be checked", as_json=as_json):
        from imagegen.cli.check_report import write_metrics
        from imagegen.cli.model_administration import check_catalog
        from imagegen.cli.model_tables import print_differences

        report = check_catalog(catalog, offline=offline)
        if metrics_file is not None:
            write_metrics(report, metrics_file)
    if as_json:
        print_json(
            {
                "models": [*report.checked],
                "differences": [each.as_json() for each in report.differences],
            }
        )
    else:
        print_differences(report)
    if report.faults:
        raise typer.Exit(ExitCode.FOUND_FAULTS)


def update(
    names: Annotated[list[str] | None, typer.Argument(metavar="MODEL...", help="Default: all of the catalog.")] = None,
    catalog: CatalogOption = None,
    *,
    apply: Annotated[bool, typer.Option("--apply", help="Write the changes that the diff shows.")] = False,
    prices: Annotated[bool, typer.Option("--prices", help="Take fal's prices too: what users are charged.")] = False,
    offline: OfflineOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show how entries would change to be as fal says today; --apply writes it.

    Names, and what users are charged, stay as they are, unless --prices is given.
    """
    with reporting_errors("The catalog cannot be updated", as_json=as_json):
        from imagegen.cli.model_administration import update_catalog

        result = update_catalog(tuple(names or ()), catalog, apply=apply, prices=prices, offline=offline)
    if as_json:
        print_json({"changed": [*result.changed], "diff": result.diff, "written": apply and bool(result.changed)})
        return
    typer.echo(result.diff, nl=False)
    if not result.changed:
        print_message("Nothing differs.")
    elif apply:
        print_message(f"{result.file}: {', '.join(result.changed)} changed.")
    else:
        print_message("Nothing is written: --apply writes it.")


def add_to(app: typer.Typer) -> None:
    """Add the commands to the group `models`, whose other commands talk to a service."""
    for command in (search, add, remove, check, update):
        app.command()(command)
