"""A soak from its first process to its curves: steady load, faults at fal, crashing servers, undisturbed processes."""

import asyncio
import itertools
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Final

import httpx

from tests.chaos.disturbances import (
    Disturbance,
    Scene,
    crash_mongodb,
    crash_nats,
    crash_s3,
    disturb,
    fal_misbehaves,
    hang_mongodb,
    hang_nats,
    hang_s3,
    lose_the_queue,
)
from tests.chaos.faults import LATE
from tests.chaos.load import Load
from tests.chaos.receipts import WEBHOOK_SECRET
from tests.chaos.servers import Servers
from tests.chaos.stage import Stage, open_stage
from tests.soak.callers import BEHAVIOURS
from tests.soak.course import Course, Watch
from tests.soak.resting import come_to_rest, unfinished

_LEASE: Final = timedelta(seconds=10)
_PATIENCE: Final = 5.0
_REST: Final = 180.0
_SPARE: Final = 180.0
_SAMPLES: Final = 360
_AT_REST_WITHIN: Final = 90.0  # the time for which a lost request is searched for
_HUNG_IN_THE_BURST: Final = ("mongodb", "mongodb", "nats", "mongodb", "s3")
_ENVIRON: Final = {
    "IMAGEGEN_UNKNOWN_HORIZON": "40s",
    "IMAGEGEN_LOG_LEVEL": "warning",
    "WEBHOOK_SECRETS": WEBHOOK_SECRET,
    "WEBHOOK_ALLOW_PRIVATE": "1",
}
DISTURBANCES: Final[Sequence[Disturbance]] = (
    Disturbance(fal_misbehaves, "faults", 40),
    Disturbance(crash_mongodb, "restarts", 1),
    Disturbance(crash_s3, "restarts", 1),
    Disturbance(crash_nats, "restarts", 1),
    Disturbance(lose_the_queue, "restarts", 1),
    Disturbance(hang_mongodb, "stops", 1),
    Disturbance(hang_s3, "stops", 1),
    Disturbance(hang_nats, "stops", 1),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The amounts of a run.

    Attributes:
        rate: callers per second.
        pause: seconds between disturbances, on average.
        spell: seconds of load between two rests.
        burst: callers that arrive at once, before the steady ones.
        hang: seconds for which each server hangs during the burst.
    """

    seconds: float
    seed: int = 1
    rate: float = 5
    pause: float = 4
    spell: float = 75
    burst: int = 600
    hang: float = 4
    serves: int = 2
    workers: int = 2

    @property
    def longest(self) -> float:
        """Seconds after which the run is given up."""
        return self.seconds * 2 + _REST + _SPARE

    @property
    def every(self) -> float:
        """Seconds from one sample to the next."""
        return min(5.0, max(0.5, self.seconds / _SAMPLES))


@dataclass(frozen=True, slots=True)
class Soaked:
    """The outcome of a run.

    Attributes:
        callers: how many there were.
        burst: seconds that the burst took.
        struck: how often each disturbance happened.
        faults: what else went wrong: a job that does not end, an unexpected response, a process that ended.
    """

    course: Course
    callers: int
    burst: float
    struck: Sequence[tuple[str, int]]
    faults: Sequence[str]


async def soak(plan: Plan, directory: Path) -> Soaked:
    """Run to the end; logs, data and events stay in the directory."""
    opened = open_stage(directory, _LEASE, _ENVIRON, serves=plan.serves, workers=plan.workers)
    async with asyncio.timeout(plan.longest), opened as stage:
        load = Load(stage.fleet.ports, str(plan.seed), plan.rate, stage.receiver.url, stage.tally, BEHAVIOURS)
        course, burst = await _under_load(plan, stage, load)
        faults = [*await _rest(stage), *load.told.surprises]
        faults += [f"{process} ended and was started again" for process in course.replaced]
        return Soaked(course, load.came, burst, stage.tally.struck.most_common(), faults)


async def _under_load(plan: Plan, stage: Stage, load: Load) -> tuple[Course, float]:
    """Run a burst, then spells of load and disturbances with a rest after each, and sample all the while.

    Returns:
        The samples, and how many seconds the burst took.
    """
    began = stage.tally.seconds
    async with httpx.AsyncClient(trust_env=False, timeout=_PATIENCE) as http:
        watch = Watch(stage.fleet, http)
        looking = asyncio.create_task(watch.go_on(plan.every))
        await _burst(plan, stage, load)
        lasted = stage.tally.seconds - began
        await _look_at_rest(stage, watch, http)
        for number in itertools.count():
            await _spell(plan, stage, load, number)
            await _look_at_rest(stage, watch, http)
            if stage.tally.seconds - began >= plan.seconds or looking.done():
                break
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking
        return watch.course, lasted


async def _look_at_rest(stage: Stage, watch: Watch, http: httpx.AsyncClient) -> None:
    await stage.fal.misbehaves([LATE[0]])
    await come_to_rest(stage, http, _AT_REST_WITHIN)
    await watch.look_at_rest()


async def _burst(plan: Plan, stage: Stage, load: Load) -> None:
    """Send many callers at once while each server hangs, to fill pools, threads and allocators at the start."""
    servers = Servers(stage.settings, stage.tally)
    await stage.fal.misbehaves([LATE[2]])
    async with asyncio.TaskGroup() as together:
        together.create_task(load.burst(plan.burst))
        for server in _HUNG_IN_THE_BURST:
            await asyncio.sleep(1)
            await servers.hang(server, plan.hang)
    stage.tally.note("the burst is over")


async def _spell(plan: Plan, stage: Stage, load: Load, number: int) -> None:
    """Run load and disturbances side by side, until the last caller has finished."""
    servers = Servers(stage.settings, stage.tally)
    scene = Scene(stage.fleet, servers, stage.fal, stage.receiver, stage.tally, _LEASE.total_seconds())
    enough, rng = asyncio.Event(), Random(f"{plan.seed}/soak/{number}")
    async with asyncio.TaskGroup() as together:
        together.create_task(disturb(scene, rng, plan.pause, enough, DISTURBANCES))
        asyncio.get_running_loop().call_later(min(plan.spell, plan.seconds), enough.set)
        await load.run(enough.is_set)  # the last callers finish undisturbed


async def _rest(stage: Stage) -> Sequence[str]:
    """Stop disturbing, and wait until every job has ended. Returns what is wrong with the rest."""
    await stage.fal.misbehaves([LATE[0]])
    ends = stage.tally.seconds + _REST
    async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
        while (left := await unfinished(stage, http)) and stage.tally.seconds < ends:
            await asyncio.sleep(1)
        stage.tally.note("at rest")
        return [*left, *await _unhealthy(stage, http)]


async def _unhealthy(stage: Stage, http: httpx.AsyncClient) -> Sequence[str]:
    addresses = [f"http://127.0.0.1:{port}/health/ready" for port in stage.fleet.ports]
    answers = [await http.get(address) for address in addresses]
    return [f"{answer.url.path}: {answer.status_code} {answer.text}" for answer in answers if not answer.is_success]
