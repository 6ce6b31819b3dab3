"""Rounds of two sides in turn, and what they come to: medians with their spread, and ratios of the pairs."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from bench.load import Load
from bench.programs import Program

Figures = Mapping[str, float]
Measured = Callable[[], Awaitable[Figures]]
_MEBIBYTE: Final = 2**20


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of several rounds, with the lowest and the highest of them."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One row of a table: what was measured, on either side, and round by round subject over reference."""

    name: str
    subject: Mapping[str, Spread]
    reference: Mapping[str, Spread]
    ratio: Mapping[str, Spread]


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What had to be reached, in words, and whether it was."""

    words: str
    measured: str
    is_met: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a suite found.

    Attributes:
        subject: what the columns of the subject are called.
        reference: likewise; empty if there is none.
        notes: sentences below the tables.
        skipped: why nothing was measured; empty if it was.
    """

    subject: str = "imagegen"
    reference: str = ""
    cases: Sequence[Case] = ()
    demands: Sequence[Demand] = ()
    notes: Sequence[str] = ()
    skipped: str = ""

    def ratio(self, case: str, figure: str) -> float:
        """The median ratio of a figure in the case of this name."""
        return next(found.ratio[figure].median for found in self.cases if found.name == case)

    def subject_of(self, case: str, figure: str) -> float:
        """The subject's median."""
        return next(found.subject[figure].median for found in self.cases if found.name == case)

    def reference_of(self, case: str, figure: str) -> float:
        """The reference's median."""
        return next(found.reference[figure].median for found in self.cases if found.name == case)


async def compare(name: str, rounds: int, subject: Measured, reference: Measured) -> Case:
    """Measure both sides in turn, each going first every other time, so that a slow minute hits both."""
    ours: list[Figures] = []
    theirs: list[Figures] = []
    for number in range(rounds):
        for side in (0, 1) if number % 2 == 0 else (1, 0):
            (ours, theirs)[side].append(await (subject, reference)[side]())
    return Case(name=name, subject=spreads(ours), reference=spreads(theirs), ratio=_ratios(ours, theirs))


async def measure(name: str, rounds: int, subject: Measured) -> Case:
    """Measure what has no reference."""
    return Case(name=name, subject=spreads([await subject() for _ in range(rounds)]), reference={}, ratio={})


def spreads(rounds: Sequence[Figures]) -> Mapping[str, Spread]:
    """The spread of each figure over the rounds."""
    return {figure: _spread([measured[figure] for measured in rounds]) for figure in rounds[0]}


def speed(load: Load, program: Program, cpu_seconds: float) -> Figures:
    """The usual figures of one round of jobs, given the CPU time that the program had spent before it."""
    jobs = len(load.milliseconds)
    return {
        "p50 ms": load.percentile(50),
        "p99 ms": load.percentile(99),
        "jobs/s": load.rate,
        "CPU ms/job": (program.cpu_seconds - cpu_seconds) * 1000 / jobs,
        "RSS MiB": program.memory_bytes / _MEBIBYTE,
    }


def at_least(words: str, measured: float, target: float, unit: str = "x") -> Demand:
    """A demand that is met from the target upwards."""
    return Demand(words=words, measured=f"{measured:.2f} {unit}", is_met=measured >= target)


def at_most(words: str, measured: float, target: float, unit: str = "x") -> Demand:
    """A demand that is met from the target downwards."""
    return Demand(words=words, measured=f"{measured:.2f} {unit}", is_met=measured <= target)


def _ratios(ours: Sequence[Figures], theirs: Sequence[Figures]) -> Mapping[str, Spread]:
    shared = [figure for figure in ours[0] if all(other.get(figure) for other in theirs)]
    pairs = list(zip(ours, theirs, strict=True))
    return {figure: _spread([one[figure] / other[figure] for one, other in pairs]) for figure in shared}


def _spread(values: Sequence[float]) -> Spread:
    return Spread(median(values), min(values), max(values))
