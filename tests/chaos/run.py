"""A run from its first process to its table: start, disturb under load, let it come to rest, reckon."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Final

from disturbances import Scene, disturb, struck
from faults import LATE
from ledger import NOT_YET_PROMISED, Finding, reckon
from load import Load
from records import Records, read_documents, read_records
from servers import Servers
from stage import Stage, open_stage
from table import Table, tabulate

_REST: Final = 180.0  # seconds in which every job has to come to its end once nothing is disturbed any more
_SPARE: Final = 120.0  # seconds for starting, for the last clients, and for reading every picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much of what. The load ends once there were as many seconds, jobs and kills.

    Attributes:
        seed: of every choice that is made by chance; the moments themselves are the machine's.
        rate: jobs asked for in a second.
        pause: seconds from one disturbance to the next, on average.
        lease: the shortest that the service allows, so that it is often outlasted.
        horizon: how long a job is held whose request nobody knows of.
    """

    seed: int = 1
    seconds: float = 0
    jobs: int = 0
    kills: int = 0
    rate: float = 4
    pause: float = 2
    serves: int = 2
    workers: int = 2
    lease: timedelta = timedelta(seconds=3)
    horizon: timedelta = timedelta(seconds=40)

    @property
    def longest(self) -> float:
        """Seconds after which the run is given up: three times what it should take."""
        return 3 * max(self.seconds, self.jobs / self.rate, self.kills * 3 * self.pause) + _REST + _SPARE


@dataclass(frozen=True, slots=True)
class Verdict:
    """The table, and what is behind it."""

    table: Table
    findings: Sequence[Finding]
    surprises: Sequence[str]
    records: Records

    @property
    def broken(self) -> Sequence[Finding]:
        """The findings that are about a promise."""
        return [finding for finding in self.findings if finding.column not in NOT_YET_PROMISED]

    @property
    def is_good(self) -> bool:
        """Whether every promise was kept."""
        return not self.broken and not self.surprises


async def run(plan: Plan, directory: Path, command: str = "") -> Verdict:
    """Run to the end; logs, data and events stay in the directory.

    Raises:
        TimeoutError: it took much longer than it should; everything that was started is ended.
    """
    horizon = {"IMAGEGEN_UNKNOWN_HORIZON": f"{plan.horizon.total_seconds()}s"}
    opened = open_stage(directory, plan.lease, horizon, serves=plan.serves, workers=plan.workers)
    async with asyncio.timeout(plan.longest), opened as stage:
        load = Load(stage.fleet.ports, str(plan.seed), plan.rate, stage.tally)
        await _shake(plan, stage, load)
        await _come_to_rest(stage)
        records = await read_records(stage.settings, stage.fal, stage.bucket)
        findings = await reckon(records, load.told, stage.bucket.bytes_of)
        table = tabulate(records, findings, stage.tally, command)
        died = [f"{each.name} ended by itself: {each.ended}" for each in stage.fleet.members if each.ended]
        return Verdict(table, findings, [*load.told.surprises, *died], records)


async def _shake(plan: Plan, stage: Stage, load: Load) -> None:
    """Load and disturbances side by side, until it is enough of both."""
    servers = Servers(stage.settings, stage.tally)
    scene = Scene(stage.fleet, servers, stage.fal, stage.tally, plan.lease.total_seconds())
    began = stage.tally.seconds
    enough = asyncio.Event()

    def is_enough(jobs: int) -> bool:
        lasted = stage.tally.seconds - began
        return lasted >= plan.seconds and jobs >= plan.jobs and struck(stage.tally, "kills") >= plan.kills

    async with asyncio.TaskGroup() as both:
        both.create_task(disturb(scene, Random(f"{plan.seed}/disturbances"), plan.pause, enough))
        await load.run(is_enough)
        enough.set()


async def _come_to_rest(stage: Stage) -> None:
    """Undisturbed, wait until every job has ended; what has not by then never will."""
    await stage.fal.misbehaves([LATE[0]])
    await stage.fleet.all_up()
    stage.tally.note("everything is up and undisturbed")
    give_up_at = stage.tally.seconds + _REST
    while stage.tally.seconds < give_up_at:
        documents = await read_documents(stage.settings)
        if all(document.is_final or document.attention for document in documents):
            break
        await asyncio.sleep(1)
    stage.tally.note("at rest")
