"""`python -m bench`: run suites one after the other, keep their results, and write docs/benchmarks.md anew."""

import logging
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer
import uvloop
from rich.console import Console

from bench import load, page, results
from bench.figures import Outcome
from bench.plan import Plan
from bench.servers import Servers, open_servers
from bench.suites import before, ceiling, gateway, history, in_flight, overhead, rebuild, scale_out, start
from bench.suites import bytes as picture_bytes

Suite = Callable[[Servers, Plan], Awaitable[Outcome]]
BEFORE: Final = "before"
SUITES: Final[dict[str, tuple[Suite, str]]] = {
    BEFORE: (before.run, "What does a job cost beside the commit before?"),
    "rebuild": (rebuild.run, "What does a job cost beside the service before it was rebuilt for speed?"),
    "overhead": (overhead.run, "What does a job cost beside the script that users have today?"),
    "ceiling": (ceiling.run, "How near does a job come to the I/O that it cannot do without?"),
    "gateway": (gateway.run, "How does the whole service compare with LiteLLM's proxy, which stores nothing?"),
    "bytes": (picture_bytes.run, "How fast do pictures move, and how much memory does it take?"),
    "start": (start.run, "How long does a start take?"),
    "history": (history.run, "Do lists and sums stay as fast when there are many jobs?"),
    "in-flight": (in_flight.run, "What does a job cost while it waits for fal, and how many can wait at once?"),
    "scale-out": (scale_out.run, "What does a job cost when several processes share the work?"),
}
KEPT: Final = (*SUITES, results.SOAK)
_console = Console(highlight=False)


def main(
    suites: Annotated[list[str] | None, typer.Argument(help="Suites to run; none: all of them.")] = None,
    *,
    rounds: Annotated[int, typer.Option(min=1, help="Of each side, in turn.")] = 3,
    in_flight: Annotated[int, typer.Option(min=100, help="Most jobs that wait at once.")] = 1000,
    history: Annotated[int, typer.Option(min=1000, help="Most jobs in MongoDB.")] = 100_000,
    ref: Annotated[str | None, typer.Option(help="The commit that `before` compares with.")] = None,
    seconds: Annotated[float, typer.Option(min=1, help="How long a round of before, ceiling and gateway lasts.")] = 15,
    only_page: Annotated[bool, typer.Option(help="Measure nothing; write the page from the results.")] = False,
) -> None:
    """Measure imagegen side by side with its references."""
    wanted = suites or [name for name in SUITES if name != BEFORE or ref is not None]
    if unknown := sorted(set(wanted) - set(SUITES)):
        raise typer.BadParameter(f"{', '.join(unknown)}; there are {', '.join(SUITES)}")
    logging.basicConfig(level=logging.WARNING)
    if not only_page:
        _allow_many_files()
        plan = Plan(rounds=rounds, in_flight=in_flight, history=history, ref=ref, seconds=seconds, litellm=_litellm())
        uvloop.run(_run(wanted, plan))
    else:
        page.write(results.read(KEPT))


def _allow_many_files() -> None:
    """As many open files as the machine lets this user have: each waiting job may hold a connection."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def _run(wanted: Sequence[str], plan: Plan) -> None:
    await load.install()
    with tempfile.TemporaryDirectory(prefix="imagegen-bench-", ignore_cleanup_errors=True) as directory:
        async with open_servers(Path(directory)) as servers:
            for name in wanted:
                await _measure(name, servers, plan)


async def _measure(name: str, servers: Servers, plan: Plan) -> None:
    suite, question = SUITES[name]
    began = time.monotonic()
    outcome = await suite(servers, plan)
    result = results.write(name, question, plan.rounds, outcome)
    page.write(results.read(KEPT))
    _console.print(page.section(result), markup=False, soft_wrap=True)
    _console.print(f"({name} took {time.monotonic() - began:.0f} s)")


def _litellm() -> Path | None:
    """The program that LITELLM names, else the one on PATH."""
    found = os.environ.get("LITELLM") or shutil.which("litellm")
    return Path(found).absolute() if found else None


if __name__ == "__main__":
    typer.run(main)
