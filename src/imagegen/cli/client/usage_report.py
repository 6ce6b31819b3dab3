"""`imagegen usage`: who spent what, from the running service."""

from typing import Final

import typer

from imagegen.cli.client.service import Json, Service
from imagegen.cli.output import dollars, print_message
from imagegen.cli.tables import Column, Row, print_table

_FIGURES: Final = ("jobs", "completed", "failed", "images", "charged", "providerCost", "margin")
_MONEY: Final = frozenset({"charged", "providerCost", "margin"})


def fetch_usage(service: Service, wanted: dict[str, str | None]) -> Json:
    """The usage as the service answers it."""
    return service.get("/api/usage", **wanted)


def print_csv(service: Service, wanted: dict[str, str | None]) -> None:
    """Print the service's own table for spreadsheets."""
    known = {name: value for name, value in wanted.items() if value is not None}
    response = service.send("GET", "/api/usage", params=known, headers={"Accept": "text/csv"})
    typer.echo(response.text.replace("\r\n", "\n"), nl=False)


def print_usage(usage: Json) -> None:
    """Print a row for each group, and the total."""
    group = usage["groupBy"]
    columns = (
        Column(group.upper()),
        *(Column("COST" if name == "providerCost" else name.upper(), is_number=True) for name in _FIGURES),
    )
    member = "userId" if group == "user" else group
    rows = [Row((row[member], *_figures(row))) for row in usage["rows"]]
    print_table(columns, [*rows, Row(("total", *_figures(usage["total"])))])
    if omitted := usage["omittedRows"]:
        print_message(f"Users without a row: {omitted}. The total has them.")
    if unpriced := usage["total"]["unpricedJobs"]:
        known = usage["total"]["knownProviderCost"]
        jobs = "1 job" if unpriced == 1 else f"{unpriced} jobs"
        print_message(f"fal.ai's bill is unknown for {jobs}; the others cost {dollars(known)}.")


def _figures(row: Json) -> list[str]:
    return [_figure(name, row[name]) for name in _FIGURES]


def _figure(name: str, value: float | None) -> str:
    if value is None:
        return "?"
    return dollars(value) if name in _MONEY else str(value)
