"""`make chaos`: disturbs a real fleet under load, and prints the table.

JOBS=2000 KILLS=200 SEED=1, or MINUTES=10. The exit status is 1 if a promise was broken.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.chaos.report import explain, others
from tests.chaos.run import BOUND, Plan, Verdict, run
from tests.chaos.table import write_into
from tests.chaos.watchdog import watched


def main() -> int:
    """Parse the command line and run."""
    given = _arguments()
    seconds = given.minutes * 60 or (0 if given.jobs or given.kills else 60)
    plan = Plan(
        seed=given.seed,
        seconds=seconds,
        jobs=given.jobs,
        kills=given.kills,
        pause=given.pause,
        bound=given.bound or None,
    )
    directory = given.directory or Path(tempfile.mkdtemp(prefix="imagegen-chaos-"))
    directory.mkdir(parents=True, exist_ok=True)
    sys.stderr.write(f"seed {plan.seed}, at most {plan.longest / 60:.0f} minutes; logs in {directory}\n")
    with watched(plan.longest + 60):
        verdict = asyncio.run(run(plan, directory, _command(given)))
    _tell(plan, verdict, directory)
    if verdict.is_good and given.page:
        write_into(given.page, verdict.table)
    return 0 if verdict.is_good else 1


def _tell(plan: Plan, verdict: Verdict, directory: Path) -> None:
    (directory / "others.txt").write_text(others(verdict), encoding="utf-8")
    if not verdict.is_good:
        sys.stdout.write(f"{explain(plan, verdict, directory)}\n")
    sys.stdout.write(f"{verdict.table.markdown()}\n")


def _command(given: argparse.Namespace) -> str:
    wanted = {
        "JOBS": given.jobs or None,
        "KILLS": given.kills or None,
        "MINUTES": given.minutes or None,
        "PAUSE": given.pause,
        "BOUND": None if given.bound == BOUND else given.bound,
        "SEED": given.seed,
    }
    return " ".join(("make chaos", *(f"{name}={value:g}" for name, value in wanted.items() if value is not None)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=0, help="how long at least")
    parser.add_argument("--jobs", type=int, default=0, help="how many at least, accepted")
    parser.add_argument("--kills", type=int, default=0, help="how many processes to kill at least")
    parser.add_argument("--pause", type=float, default=2, help="seconds from one disturbance to the next, on average")
    parser.add_argument("--bound", type=int, default=BOUND, help="FAL_CONCURRENCY; 0: none")
    parser.add_argument("--directory", type=Path, help="where logs and data go; it stays")
    parser.add_argument("--page", type=Path, help="a page between whose markers the table is written")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
