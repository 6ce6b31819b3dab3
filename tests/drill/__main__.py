"""`make drill`: everything that is tried at random, for long, one after the other; the results stand in docs/drills.md.

SCALE=0.1 tries a tenth of everything, SEED=1 repeats a run, DRILLS="chaos fuzz" leaves the others out. Exit status 1 if
one fails.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests.drill.drills import DRILLS, Drill
from tests.drill.page import PAGE, Result, write

ROOT: Final = Path(__file__).parent.parent.parent


def main() -> int:
    """Parse the command line, and run each drill in turn."""
    given = _arguments()
    seed = random.randrange(2**31) if given.seed is None else given.seed
    logs = Path(tempfile.mkdtemp(prefix="imagegen-drill-"))
    _say(f"seed {seed}; logs in {logs}")
    results = [_run(name, DRILLS[name], given.scale, seed, logs) for name in given.drills or DRILLS]
    return 0 if all(result.is_good for result in results) else 1


def _run(name: str, drill: Drill, scale: float, seed: int, logs: Path) -> Result:
    """Run one drill, and write its result into the page at once."""
    amount = max(drill.least, round(drill.amount * scale, 1 if drill.unit == "minutes" else None))
    command, log, began = drill.command(amount, seed), logs / f"{name}.log", time.monotonic()
    environ = {variable: value for variable, value in os.environ.items() if not variable.startswith("MAKE")}
    _say(f"{name}: {command}")
    with log.open("wb") as printed:
        shell = ("/bin/sh", "-c", command)
        status = subprocess.run(shell, check=False, cwd=ROOT, env=environ, stdout=printed, stderr=printed).returncode  # noqa: S603 - a command of ours
    result = Result(
        drill=name,
        command=command,
        result=drill.judge(status, log.read_text(encoding="utf-8", errors="replace")),
        minutes=(time.monotonic() - began) / 60,
        commit=_commit(),
        day=f"{datetime.now(UTC):%Y-%m-%d}",
    )
    write(ROOT / PAGE, result)
    _say(f"{name}: {result.result}, {result.minutes:.1f} minutes")
    return result


def _commit() -> str:
    """The commit that was tried, with a plus if files differ from it."""
    described = ("git", "describe", "--always", "--abbrev=7", "--exclude=*", "--dirty=+")
    return subprocess.run(described, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603 - so


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make drill", description=__doc__)
    parser.add_argument("drills", nargs="*", choices=[*DRILLS, []], help="all of them if none is named")
    parser.add_argument("--scale", type=float, default=1, help="the share of the usual minutes and cases")
    parser.add_argument(
        "--seed", type=int, help="of every choice that is made by chance; by chance itself if not given"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
