"""`make soak MINUTES=30`: steady load with faults on a real fleet, to see whether its resources stay flat.

The exit status is 1 if they do not, or if the run was too short to tell.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from bench import page, results
from bench.__main__ import KEPT
from tests.chaos.watchdog import watched
from tests.soak.plot import draw
from tests.soak.soaking import Plan, soak
from tests.soak.verdict import PLOT, QUESTION, outcome


def main() -> int:
    """Parse the command line, run, judge, and keep the result, the plot and every sample."""
    given = _arguments()
    plan = Plan(seconds=given.minutes * 60, seed=given.seed, rate=given.rate)
    directory = given.directory or Path(tempfile.mkdtemp(prefix="imagegen-soak-"))
    directory.mkdir(parents=True, exist_ok=True)
    sys.stderr.write(f"{given.minutes:g} minutes; logs and samples in {directory}\n")
    with watched(plan.longest + 60):
        soaked = asyncio.run(soak(plan, directory))
    soaked.course.write(directory / "samples.csv")
    found = outcome(plan, soaked)
    if not given.no_page:
        draw(soaked.course.curves, page.PAGE.parent / PLOT)
        result = results.write(results.SOAK, QUESTION, 1, found)
        page.write(results.read(KEPT))
        sys.stdout.write(f"{page.section(result)}\n")
    for fault in soaked.faults:
        sys.stdout.write(f"fault: {fault}\n")
    for demand in found.demands:
        sys.stdout.write(f"{'met' if demand.is_met else 'NOT MET'}: {demand.words}: {demand.measured}\n")
    return 0 if all(demand.is_met for demand in found.demands) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=5, help="callers in a second")
    parser.add_argument("--directory", type=Path, help="where logs, samples and data go; it stays")
    parser.add_argument("--no-page", action="store_true", help="leave docs/benchmarks.md as it is")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
