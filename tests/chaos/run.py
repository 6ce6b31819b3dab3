"""A run from its first process to its table: starts, disturbs under load, lets everything come to rest, reckons."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Final

from tests.chaos.budgets import limited_wrongly
from tests.chaos.disturbances import Scene, disturb, struck
from tests.chaos.faults import LATE
from tests.chaos.findings import NOT_YET_PROMISED, Finding
from tests.chaos.ledger import reckon
from tests.chaos.load import Load
from tests.chaos.receipts import WEBHOOK_SECRET
from tests.chaos.records import Records, left_to_deliver, left_to_settle, read_documents, read_records
from tests.chaos.servers import Servers
from tests.chaos.stage import Stage, open_stage
from tests.chaos.table import Table, tabulate
from tests.chaos.treasury import ADMINISTRATOR, Treasury, open_treasury

BOUND: Final = 12
_REST: Final = 180.0  # seconds without disturbances within which another job has to end
_NOTHING_LEFT: Final = (0, 0, 0)
_SPARE: Final = 300.0  # seconds for starting, for the last clients, and for reading every image


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The amounts of a run. The load ends after at least so many seconds, jobs and kills.

    Attributes:
        seed: of every random choice; the moments themselves depend on the machine.
        jobs: accepted ones, as clients were told.
        rate: clients per second.
        pause: seconds between disturbances, on average.
        lease: the shortest that the service allows, so that leases often run out.
        horizon: how long a job waits if the outcome of its submission is unknown.
        bound: FAL_CONCURRENCY; low, so that jobs often wait for a slot.
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
    bound: int | None = BOUND

    @property
    def longest(self) -> float:
        """Seconds after which the run is given up: three times the expected duration."""
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
        TimeoutError: the run took much too long; everything that was started is ended.
    """
    opened = open_stage(directory, plan.lease, _variables(plan), serves=plan.serves, workers=plan.workers)
    async with asyncio.timeout(plan.longest), opened as stage:
        treasury = await open_treasury(stage, max(plan.jobs, plan.seconds * plan.rate), plan.rate)
        load = Load(stage.fleet.ports, str(plan.seed), plan.rate, stage.receiver.url, stage.tally)
        load.callers = treasury.callers
        async with treasury.watched():
            await _shake(plan, stage, load, treasury)
            await _come_to_rest(stage)
        corrections = await asyncio.to_thread(_corrections, directory)
        records = await read_records(stage.settings, stage.fal, stage.bucket, stage.receiver.received, corrections)
        findings = [
            *await reckon(records, load.told, stage.bucket.bytes_of, bound=plan.bound),
            *limited_wrongly(records, {treasury.wallet: treasury.raised}),
            *treasury.findings,
        ]
        table = tabulate(records, load.told, findings, stage.tally, bound=plan.bound, command=command)
        died = [f"{each.name} ended by itself: {each.ended}" for each in stage.fleet.members if each.ended]
        return Verdict(table, findings, [*load.told.surprises, *died], records)


def _variables(plan: Plan) -> Mapping[str, str]:
    bound = {} if plan.bound is None else {"FAL_CONCURRENCY": str(plan.bound)}
    return bound | {
        "IMAGEGEN_UNKNOWN_HORIZON": f"{plan.horizon.total_seconds()}s",
        "WEBHOOK_SECRETS": WEBHOOK_SECRET,
        "WEBHOOK_ALLOW_PRIVATE": "1",
        "IMAGEGEN_BOOTSTRAP_KEY": ADMINISTRATOR,
    }


def _corrections(directory: Path) -> Sequence[str]:
    """What workers logged when counters of budgets differed from the jobs."""
    logs = sorted(directory.glob("*/*.log"))
    lines = (line for log in logs for line in log.read_text(encoding="utf-8", errors="replace").splitlines())
    return [line for line in lines if "differed from its jobs" in line]


async def _shake(plan: Plan, stage: Stage, load: Load, treasury: Treasury) -> None:
    """Run load and disturbances side by side until there was enough of both."""
    servers = Servers(stage.settings, stage.tally)
    lease = plan.lease.total_seconds()
    scene = Scene(stage.fleet, servers, stage.fal, stage.receiver, stage.tally, lease)
    began = stage.tally.seconds
    enough = asyncio.Event()

    def is_enough() -> bool:
        lasted, jobs = stage.tally.seconds - began, len(load.told.accepted)
        return lasted >= plan.seconds and jobs >= plan.jobs and struck(stage.tally, "kills") >= plan.kills

    async with asyncio.TaskGroup() as others:
        others.create_task(disturb(scene, Random(f"{plan.seed}/disturbances"), plan.pause, enough))
        others.create_task(treasury.keep_filled(load.told, enough))
        await load.run(is_enough)
        enough.set()


async def _come_to_rest(stage: Stage) -> None:
    """Stop disturbing, and wait until every job has ended, its webhook is delivered, and its budgets are settled.

    The wait lasts as long as jobs go on ending.
    """
    await stage.fal.misbehaves([LATE[0]])
    stage.receiver.answers.clear()
    await stage.fleet.all_up()
    stage.tally.note("everything is up and undisturbed")
    least, give_up_at = await _left(stage), stage.tally.seconds + _REST
    while least > _NOTHING_LEFT and stage.tally.seconds < give_up_at:
        await asyncio.sleep(1)
        if (left := await _left(stage)) < least:
            least, give_up_at = left, stage.tally.seconds + _REST
    stage.tally.note(f"at rest; unfinished, to be told and to be settled: {least}")


async def _left(stage: Stage) -> tuple[int, int, int]:
    """The numbers of unfinished jobs that need no operator, of pending webhooks, and of what is to be settled."""
    documents = await read_documents(stage.settings)
    unfinished = sum(not document.is_final and not document.attention for document in documents)
    return unfinished, await left_to_deliver(stage.settings), await left_to_settle(stage.settings)
