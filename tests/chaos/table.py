"""The table of a run, for the terminal and for docs/reliability.md."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

from tests.chaos.disturbances import DISTURBANCES, struck
from tests.chaos.findings import BROKEN, Finding
from tests.chaos.paid import most_at_once, never_sent
from tests.chaos.records import Records
from tests.chaos.tally import Tally
from tests.chaos.told import Told

_BEGIN: Final = "<!-- make chaos: begin -->"
_END: Final = "<!-- make chaos: end -->"


@dataclass(frozen=True, slots=True)
class Table:
    """What was done, and what became of the jobs.

    Attributes:
        columns: jobs, kills, stops, restarts, faults, each broken promise, and jobs that were never sent.
        ends: how many jobs ended how.
        ways: how many were requested, followed and delivered in other ways than by one waiting request.
        disturbed: how often each disturbance happened.
        open_at_most: the largest number of open requests at fal at one moment.
        bound: FAL_CONCURRENCY.
        command: repeats the run.
    """

    columns: Mapping[str, int]
    ends: Mapping[str, int]
    ways: Mapping[str, int]
    disturbed: Mapping[str, int]
    open_at_most: int
    bound: int | None
    minutes: float
    command: str

    def markdown(self) -> str:
        """The table, the command, and the details."""
        ends = ", ".join(f"{number} {end}" for end, number in self.ends.items())
        ways = ", ".join(f"{number} {way}" for way, number in self.ways.items())
        disturbed = ", ".join(f"{name} {number}" for name, number in self.disturbed.items())
        allowed = f"of {self.bound} allowed" if self.bound is not None else "without a bound"
        at_fal = f"Open at fal at once: {self.open_at_most} {allowed}."
        figures = (
            f"`{self.command}`, {self.minutes:.1f} minutes. Jobs: {ends}; {ways}. {at_fal} Disturbances: {disturbed}."
        )
        return "\n".join(
            (
                "| " + " | ".join(self.columns) + " |",
                "|" + " ---: |" * len(self.columns),
                "| " + " | ".join(f"{number:,}" for number in self.columns.values()) + " |",
                "",
                figures,
            )
        )


def tabulate(
    records: Records, told: Told, findings: Sequence[Finding], tally: Tally, *, bound: int | None, command: str
) -> Table:
    """Count everything."""
    broken = Counter(finding.column for finding in findings)
    ends = Counter(document.why for document in records.documents)
    return Table(
        columns={
            "jobs": len(records.documents),
            **{column: struck(tally, column) for column in ("kills", "stops", "restarts", "faults")},
            **{column: broken[column] for column in BROKEN},
            "never sent": never_sent(records),
        },
        ends=dict(ends.most_common()),
        ways=_ways(records, told),
        disturbed={each.name: tally.struck[each.name] for each in DISTURBANCES},
        open_at_most=most_at_once(records.paid),
        bound=bound,
        minutes=tally.seconds / 60,
        command=command,
    )


def _ways(records: Records, told: Told) -> Mapping[str, int]:
    return {
        "in batches": sum(document.batch_id is not None for document in records.documents),
        "tried again": sum(document.retry_of is not None for document in records.documents),
        "told to a webhook": len({receipt.job_id for receipt in records.receipts}),
        "event streams resumed": told.resumed,
        "requests refused by a budget": told.refused[HTTPStatus.PAYMENT_REQUIRED],
        "by a rate": told.refused[HTTPStatus.TOO_MANY_REQUESTS],
    }


def write_into(page: Path, table: Table) -> None:
    """Put the table between the page's markers."""
    text = page.read_text(encoding="utf-8")
    part = f"{_BEGIN}\n{table.markdown()}\n{_END}"
    written, times = re.subn(f"{re.escape(_BEGIN)}.*?{re.escape(_END)}", lambda _: part, text, flags=re.DOTALL)
    if times != 1:
        raise ValueError(f"{page} should have {_BEGIN} … {_END} once")
    page.write_text(written, encoding="utf-8")
