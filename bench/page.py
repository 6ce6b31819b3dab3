"""docs/benchmarks.md, written from the results."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from bench.figures import Case, Demand, Outcome, Spread
from bench.results import Result, earlier

PAGE: Final = Path(__file__).parent.parent / "docs/benchmarks.md"
_FINDINGS: Final = Path(__file__).parent / "findings.md"
_METHOD: Final = Path(__file__).parent / "method.md"
_HEAD: Final = "<!-- Written by `make bench` from bench/results, bench/method.md and bench/findings.md. -->\n"
_WHOLE_FROM: Final = 100


def write(results: Sequence[Result]) -> None:
    """Write the page anew."""
    PAGE.write_text(render(results), encoding="utf-8")


def render(results: Sequence[Result]) -> str:
    """The whole page."""
    parts = [_HEAD, _METHOD.read_text(encoding="utf-8"), _verdicts(results)]
    parts += [section(result) for result in results]
    parts += [_FINDINGS.read_text(encoding="utf-8"), _circumstances(results)]
    return "\n".join(part.strip("\n") + "\n" for part in parts)


def section(result: Result) -> str:
    """One suite's part of the page."""
    outcome = result.outcome
    if outcome.skipped:
        return f"## {result.suite}\n\n{result.question}\n\nNot measured: {outcome.skipped}\n"
    rows = [row for case in outcome.cases for row in _rows(case, outcome)]
    notes = "".join(f"\n{note}\n" for note in outcome.notes)
    return f"## {result.suite}\n\n{result.question}\n\n{_table(_heading(outcome), rows)}{notes}"


def _verdicts(results: Sequence[Result]) -> str:
    rows = [
        (result.suite, demand.words, demand.measured, _on_another_day(result, demand), _reached(demand))
        for result in results
        for demand in result.outcome.demands
    ]
    heading = ("suite", "demand", "measured", "on another day", "reached")
    return "## What must be reached\n\n" + _table(heading, rows)


def _reached(demand: Demand) -> str:
    return "yes" if demand.is_met else "**no**"


def _on_another_day(result: Result, demand: Demand) -> str:
    """What the same demand came to on the last earlier day, and which that was."""
    before = earlier(result.suite)
    same = [other.measured for other in before.outcome.demands if other.words == demand.words] if before else []
    return f"{same[0]} ({before.measured.partition(' ')[0]})" if before and same else "-"


def _heading(outcome: Outcome) -> Sequence[str]:
    sides = (outcome.subject, outcome.reference, "ratio") if outcome.reference else (outcome.subject,)
    return ("case", "figure", *sides)


def _rows(case: Case, outcome: Outcome) -> list[Sequence[str]]:
    """A row for each figure; the case's name stands in the first."""
    rows: list[Sequence[str]] = []
    for number, figure in enumerate(case.subject):
        cells = [_cell(case.subject, figure)]
        if outcome.reference:
            cells += [_cell(case.reference, figure), _cell(case.ratio, figure, "x")]
        rows.append((case.name if number == 0 else "", figure, *cells))
    return rows


def _cell(figures: Mapping[str, Spread], figure: str, unit: str = "") -> str:
    if figure not in figures:
        return "-"
    spread = figures[figure]
    middle = f"{_number(spread.median)}{f' {unit}' if unit else ''}"
    return middle if spread.low == spread.high else f"{middle} ({_number(spread.low)} to {_number(spread.high)})"


def _number(value: float) -> str:
    return f"{value:,.0f}".replace(",", " ") if value >= _WHOLE_FROM else f"{value:.3g}"


def _table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heading, ["---"] * len(heading), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _circumstances(results: Sequence[Result]) -> str:
    rows = [(result.suite, result.measured, str(result.rounds), result.machine) for result in results]
    versions = {f"{name} {number}": None for result in results for name, number in result.versions.items()}
    table = _table(("suite", "measured (UTC)", "rounds", "machine"), rows)
    return f"## Machine and versions\n\n{table}\n{', '.join(versions)}.\n"
