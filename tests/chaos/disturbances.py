"""Everything that is done to the service at random moments. A new disturbance is a new entry of the table."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Generator, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass
from random import Random
from typing import Final, Literal, TypeAlias

from aiohttp.web import Response

from tests.chaos.faults import Fal, planned
from tests.chaos.fleet import Fleet, Member
from tests.chaos.servers import Servers
from tests.chaos.tally import Tally
from tests.support.receiver import Receiver

Column: TypeAlias = Literal["kills", "stops", "restarts", "faults"]


@dataclass(frozen=True, slots=True)
class Scene:
    """What can be disturbed. `lease` is in seconds."""

    fleet: Fleet
    servers: Servers
    fal: Fal
    receiver: Receiver
    tally: Tally
    lease: float


# Disturbs, and returns how often it did.
Act: TypeAlias = Callable[[Scene, Random], Coroutine[object, object, int]]


async def kill_one(scene: Scene, rng: Random) -> int:
    """`kill -9` of a process, which is restarted after a short or a long pause."""
    return _kill(scene.fleet.idle(rng)[:1], rng)


async def kill_most(scene: Scene, rng: Random) -> int:
    """`kill -9` of all processes but one at the same moment."""
    return _kill(scene.fleet.idle(rng)[1:], rng)


async def kill_soon_after_start(scene: Scene, rng: Random) -> int:
    """`kill -9`, and again while the successor is starting."""
    for member in scene.fleet.idle(rng)[:1]:
        with _in_hand(member):
            times = _kill([member], rng, longest=0.1)
            await asyncio.sleep(rng.uniform(1, 3))
            return times + _kill([member], rng)
    return 0


async def stop_one(scene: Scene, rng: Random) -> int:
    """SIGSTOP for longer than the lease, then SIGCONT: the process wakes when other processes have its jobs."""
    return await _stop(scene.fleet.idle(rng)[:1], scene.lease + rng.uniform(0.5, 4))


async def stop_half(scene: Scene, rng: Random) -> int:
    """SIGSTOP of half of the processes, sometimes for just as long as the lease."""
    idle = scene.fleet.idle(rng)
    return await _stop(idle[: len(idle) // 2], scene.lease * rng.uniform(0.8, 1.3))


async def stop_and_kill(scene: Scene, rng: Random) -> int:
    """SIGSTOP for longer than the lease, and `kill -9` as soon as the process continues."""
    for member in scene.fleet.idle(rng)[:1]:
        await _stop([member], scene.lease + 1)
        await asyncio.sleep(rng.uniform(0, 0.3))
        return _kill([member], rng)
    return 0


async def ask_to_end(scene: Scene, rng: Random) -> int:
    """SIGTERM, as in a rolling release."""
    for member in scene.fleet.idle(rng)[:1]:
        member.signal(signal.SIGTERM)
        return 1
    return 0


async def crash_mongodb(scene: Scene, _: Random) -> int:
    """`kill -9` of mongod, which is restarted."""
    return await _crash(scene, "mongodb")


async def crash_s3(scene: Scene, _: Random) -> int:
    """`kill -9` of SeaweedFS, which is restarted."""
    return await _crash(scene, "s3")


async def crash_nats(scene: Scene, _: Random) -> int:
    """`kill -9` of nats-server, which is restarted."""
    return await _crash(scene, "nats")


async def lose_the_queue(scene: Scene, _: Random) -> int:
    """Delete the directory of NATS."""
    await scene.servers.lose_the_queue()
    return 1


async def hang_mongodb(scene: Scene, rng: Random) -> int:
    """SIGSTOP of mongod: connections stay open and get no response."""
    return await _hang(scene, "mongodb", rng.uniform(2, 8))


async def hang_s3(scene: Scene, rng: Random) -> int:
    """SIGSTOP of SeaweedFS."""
    return await _hang(scene, "s3", rng.uniform(2, 8))


async def hang_nats(scene: Scene, rng: Random) -> int:
    """SIGSTOP of nats-server."""
    return await _hang(scene, "nats", rng.uniform(2, 8))


async def fal_misbehaves(scene: Scene, rng: Random) -> int:
    """Plan other faults at fal."""
    faults = planned(rng)
    await scene.fal.misbehaves(faults)
    scene.tally.note(f"fal: {faults}")
    return len(faults) - 2  # the last two only set how long fal takes


async def receiver_refuses(scene: Scene, rng: Random) -> int:
    """The webhook receiver responds to the next few deliveries with an error."""
    times = rng.randint(1, 4)
    scene.receiver.answers += [Response(status=rng.choice((302, 404, 500, 503))) for _ in range(times)]
    return times


@dataclass(frozen=True, slots=True)
class Disturbance:
    """An action, the column of the table that counts it, and its weight."""

    act: Act
    column: Column
    weight: int

    @property
    def name(self) -> str:
        """The name that is counted and shown."""
        return self.act.__name__.replace("_", " ")


DISTURBANCES: Final[Sequence[Disturbance]] = (
    Disturbance(kill_one, "kills", 14),
    Disturbance(kill_most, "kills", 1),
    Disturbance(kill_soon_after_start, "kills", 2),
    Disturbance(stop_one, "stops", 5),
    Disturbance(stop_half, "stops", 1),
    Disturbance(stop_and_kill, "kills", 1),
    Disturbance(ask_to_end, "restarts", 2),
    Disturbance(crash_mongodb, "restarts", 2),
    Disturbance(crash_s3, "restarts", 2),
    Disturbance(crash_nats, "restarts", 2),
    Disturbance(lose_the_queue, "restarts", 1),
    Disturbance(hang_mongodb, "stops", 1),
    Disturbance(hang_s3, "stops", 1),
    Disturbance(hang_nats, "stops", 1),
    Disturbance(fal_misbehaves, "faults", 12),
    Disturbance(receiver_refuses, "faults", 2),
)


async def disturb(
    scene: Scene, rng: Random, pause: float, enough: asyncio.Event, table: Sequence[Disturbance] = DISTURBANCES
) -> None:
    """Disturb about every `pause` seconds until `enough` is set, then let the disturbances in progress finish."""
    weights = [disturbance.weight for disturbance in table]
    async with asyncio.TaskGroup() as acts:
        while not enough.is_set():
            disturbance = rng.choices(table, weights)[0]
            acts.create_task(_strike(disturbance, scene, Random(rng.random())))
            with suppress(TimeoutError):
                await asyncio.wait_for(enough.wait(), rng.expovariate(1 / pause))


def struck(tally: Tally, column: Column) -> int:
    """The number of disturbances that a column counts."""
    return sum(tally.struck[disturbance.name] for disturbance in DISTURBANCES if disturbance.column == column)


async def _strike(disturbance: Disturbance, scene: Scene, rng: Random) -> None:
    times = await disturbance.act(scene, rng)
    scene.tally.count(disturbance.name, times)


def _kill(members: Sequence[Member], rng: Random, longest: float = 4) -> int:
    for member in members:
        member.pause = rng.uniform(0, longest)
        member.signal(signal.SIGKILL)
    return len(members)


async def _stop(members: Sequence[Member], seconds: float) -> int:
    async with AsyncExitStack() as stack:
        for member in members:
            stack.enter_context(_in_hand(member))
            member.signal(signal.SIGSTOP)
            stack.callback(member.signal, signal.SIGCONT)
        await asyncio.sleep(seconds)
    return len(members)


@contextmanager
def _in_hand(member: Member) -> Generator[None]:
    member.busy = True
    try:
        yield
    finally:
        member.busy = False


async def _crash(scene: Scene, server: str) -> int:
    await scene.servers.kill(server)
    return 1


async def _hang(scene: Scene, server: str, seconds: float) -> int:
    await scene.servers.hang(server, seconds)
    return 1
