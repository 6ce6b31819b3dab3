"""The drills: how much each tries, the command that repeats it, and what its output says."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

PASSED: Final = "passed"
FAILED: Final = "FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """What is tried.

    Attributes:
        amount: as many minutes or cases at scale 1.
        least: of them, at any scale.
        make: the target and its variables, with places for `amount` and `seed`.
        judge: says from the exit status and the output how it went; begins with `passed`, `undecided` or `FAILED`.
    """

    amount: float
    least: float
    unit: str
    make: str
    judge: Callable[[int, str], str]

    def command(self, amount: float, seed: int) -> str:
        """The command that repeats this run."""
        return self.make.format(amount=f"{amount:g}", seed=seed)


def _chaos(status: int, printed: str) -> str:
    jobs = re.search(r"^\| ([\d,]+) \|", printed, re.MULTILINE)
    return f"{FAILED if status else PASSED}, {jobs[1] if jobs else 'no'} jobs"


def _soak(status: int, printed: str) -> str:
    """Short soaks cannot tell whether a curve is flat: that is no failure, as long as none grows."""
    unmet = re.findall(r"^NOT MET: .*: (\w+)[ :].*$", printed, re.MULTILINE)
    if status == 0:
        return f"{PASSED}, every curve is flat"
    if unmet and set(unmet) == {"undecided"}:
        return f"undecided: too short to tell for {len(unmet)} of its measures; none grows"
    return FAILED


def _cases(status: int, printed: str) -> str:
    tried = re.findall(r"^\W*(\d+) of \d+ cases", printed, re.MULTILINE)
    return f"{FAILED if status else PASSED}, {int(tried[-1]) if tried else 0:,} cases"


DRILLS: Final[Mapping[str, Drill]] = {
    "chaos": Drill(amount=20, least=1, unit="minutes", make="make chaos MINUTES={amount} SEED={seed}", judge=_chaos),
    "soak": Drill(
        amount=30,
        least=1,
        unit="minutes",
        make="make soak MINUTES={amount} ARGS='--seed {seed} --no-page'",
        judge=_soak,
    ),
    "any-answer": Drill(
        amount=10_000,
        least=50,
        unit="cases",
        make="ANY_ANSWER_SEED={seed} make any-answer CASES={amount}",
        judge=_cases,
    ),
    "mutations": Drill(
        amount=10_000, least=1000, unit="cases", make="MUTATION_SEED={seed} make mutations CASES={amount}", judge=_cases
    ),
    "fuzz": Drill(
        amount=10_000, least=500, unit="cases", make="FUZZ_SEED={seed} make fuzz CASES={amount}", judge=_cases
    ),
}
