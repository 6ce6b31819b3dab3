"""Models of a catalog and endpoints of fal as `imagegen models` prints them."""

from collections.abc import Sequence
from typing import Final

import typer

from imagegen.cli.check_report import CheckReport
from imagegen.cli.model_administration import Added, FoundEndpoint
from imagegen.cli.output import print_message
from imagegen.cli.tables import Column, Row, print_table

_FOUND: Final = (Column("ENDPOINT"), Column("PRICE"), Column("CATEGORY"), Column("NAME"))
_DIFFERENCES: Final = (Column("MODEL"), Column("RESULT"), Column("MESSAGE"))


def print_found(found: "Sequence[FoundEndpoint]") -> None:
    """A row for each endpoint; notes below one that is a model already, or whose parameters are not in the index."""
    print_table(
        _FOUND,
        [
            Row(
                (each.id, each.price or "not known", each.category, each.title),
                _notes(each),
            )
            for each in found
        ],
    )


def _notes(found: FoundEndpoint) -> tuple[str, ...]:
    model = (f"is the model {found.model}",) if found.model else ()
    return model if found.has_parameters else (*model, f"not in the index: imagegen models show {found.id}")


def print_added(added: "Added", *, dry_run: bool) -> None:
    """What was mapped, left out and guessed to stderr; the text that is written to stdout, if it is not written."""
    for each in added.entries:
        mapped = each.mapped
        state = "would be added" if dry_run else "is added"
        print_message(f"{mapped.name} {state} to {added.file}: {mapped.entry['falEndpoint']}", style="bold")
        for note in mapped.notes:
            print_message(f"  {note}")
        _print_list("Mapped", mapped.mapped)
        _print_list("Left out", mapped.left_out)
        _print_list("Guessed", mapped.guessed)
        if dry_run:
            typer.echo(each.text, nl=False)


def print_differences(report: "CheckReport") -> None:
    """A row for each difference."""
    rows = [Row((each.model, "fault" if each.is_fault else "note", each.message)) for each in report.differences]
    if rows:
        print_table(_DIFFERENCES, rows)
    faulty = {each.model for each in report.differences if each.is_fault}
    print_message(f"{len(report.checked)} models checked, {len(faulty)} with something to fix.")


def _print_list(heading: str, lines: Sequence[str]) -> None:
    if lines:
        print_message(f"  {heading}:")
    for line in lines:
        print_message(f"    {line}")
