"""`imagegen usage`: who spent what, from the running service, and maintenance of the stored sums."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import JsonValue
from pydantic.alias_generators import to_camel

from imagegen.cli.client.service import open_service
from imagegen.cli.client.target import TargetOptions, with_target_options
from imagegen.cli.client.usage_report import fetch_usage, print_csv, print_usage
from imagegen.cli.errors import reporting_errors
from imagegen.cli.exit_codes import ExitCode
from imagegen.cli.output import JsonOption, print_json, print_message
from imagegen.cli.runtime import read_settings, run
from imagegen.cli.tables import Column, Row, print_table

if TYPE_CHECKING:
    from imagegen.settings import Settings
    from imagegen.storage.usage.store import Difference, Sums

app = typer.Typer(invoke_without_command=True)


class Group(StrEnum):
    """What the rows of the usage are."""

    MODEL = "model"
    DAY = "day"
    MONTH = "month"
    USER = "user"


_COLUMNS = (
    Column("PERIOD"),
    Column("USER"),
    Column("MODEL"),
    Column("FIGURE"),
    Column("STORED", is_number=True),
    Column("RECOMPUTED", is_number=True),
)


@app.callback()
@with_target_options
def usage(
    context: typer.Context,
    *,
    user: Annotated[str | None, typer.Option(help="What this userId spent. Default: all.")] = None,
    since: Annotated[str | None, typer.Option("--from", help="The first day, such as 2026-11-01.")] = None,
    to: Annotated[str | None, typer.Option(help="The day after the last one.")] = None,
    by: Annotated[Group, typer.Option(help="What the rows are.")] = Group.MODEL,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the service's table for spreadsheets.")] = False,
    target: TargetOptions,
    as_json: JsonOption = False,
) -> None:
    """Show what was spent; `rebuild` checks the stored sums."""
    if context.invoked_subcommand is not None:
        return
    with reporting_errors("The usage cannot be shown", as_json=as_json), open_service(target) as service:
        wanted: dict[str, str | None] = {"userId": user, "from": since, "to": to, "groupBy": by}
        if as_csv:
            print_csv(service, wanted)
            return
        answer = fetch_usage(service, wanted)
    if as_json:
        print_json({"usage": answer})
    else:
        print_usage(answer)


@app.command()
def rebuild(
    *,
    apply: Annotated[bool, typer.Option("--apply", help="Replace every wrong sum by the recomputed one.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Recompute the usage from the jobs and show every difference.

    Safe while the service runs. The exit code is 1 if there are differences and --apply is not given.
    """
    with reporting_errors("The usage cannot be rebuilt", as_json=as_json):
        settings, _ = read_settings()
        differences = run(_rebuild(settings, apply=apply))
    if as_json:
        print_json({"applied": apply, "differences": [_as_json(difference) for difference in differences]})
    else:
        _show(differences, applied=apply)
    if differences and not apply:
        raise typer.Exit(ExitCode.FOUND_FAULTS)


async def _rebuild(settings: "Settings", *, apply: bool) -> "Sequence[Difference]":
    """Compare the sums of all ended jobs with the stored ones; with `apply`, correct what differs.

    Returns:
        Every difference that was found, corrected or not.
    """
    from imagegen.local import join_local_stack
    from imagegen.storage.stores import open_stores

    mongodb = settings.mongodb if settings.mongodb.url else join_local_stack(settings).mongodb
    async with open_stores(mongodb) as stores:
        differences = await stores.usage.find_differences()
        for difference in differences if apply else ():
            await stores.usage.repair(difference.key)
    return differences


def _as_json(difference: "Difference") -> JsonValue:
    key = difference.key
    return {
        "period": key.period,
        "userId": key.user_id,
        "model": key.model,
        "stored": _sums_as_json(difference.kept),
        "recomputed": _sums_as_json(difference.recomputed),
    }


def _sums_as_json(sums: "Sums") -> JsonValue:
    return {
        to_camel(name): float(value) if isinstance(value, Decimal) else value for name, value in asdict(sums).items()
    }


def _show(differences: "Sequence[Difference]", *, applied: bool) -> None:
    if not differences:
        print_message("The stored usage matches the jobs.")
        return
    print_table(_COLUMNS, [row for difference in differences for row in _rows(difference)])
    ending = "were wrong and are corrected" if applied else "are wrong: --apply corrects them"
    print_message(f"{len(differences)} stored sums {ending}.")


def _rows(difference: "Difference") -> Iterator[Row]:
    """A row for each figure that differs."""
    key, stored, recomputed = difference.key, asdict(difference.kept), asdict(difference.recomputed)
    for name, value in stored.items():
        if value != recomputed[name]:
            yield Row((key.period, key.user_id, key.model, name, _figure(value), _figure(recomputed[name])))


def _figure(value: int | Decimal) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
