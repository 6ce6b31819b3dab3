"""Samples the resources of each process every few seconds: memory, descriptors, threads, connections, tasks."""

import asyncio
import csv
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
import psutil

from tests.chaos.fleet import Fleet, Member
from tests.support.scraped import scrape

_MEBIBYTE: Final = 2**20


# Each measure with the growth per hour that is allowed. What is opened for each caller varies under load: it is drawn,
# and judged at rest, when there are no requests. What is still open then is a leak.
MEASURES: Final[Mapping[str, float | None]] = {
    "RSS MiB": 8,
    "private MiB": 8,
    "descriptors": None,
    "descriptors at rest": 20,
    "connections": None,
    "connections at rest": 20,
    "tasks": None,
    "tasks at rest": 10,
    "threads": None,
    "threads at rest": 10,
}
AT_REST: Final = " at rest"


@dataclass(frozen=True, slots=True)
class Curve:
    """One measure of one process over time."""

    process: str
    measure: str
    seconds: list[float] = field(default_factory=list[float])
    values: list[float] = field(default_factory=list[float])


class Course:
    """All curves of a run."""

    def __init__(self) -> None:
        self._curves: dict[tuple[str, str], Curve] = {}
        self.pids: defaultdict[str, set[int]] = defaultdict(set)

    @property
    def curves(self) -> Sequence[Curve]:
        """By process, then by measure, in the order of `MEASURES`."""
        order = list(MEASURES)
        return sorted(self._curves.values(), key=lambda curve: (curve.process, order.index(curve.measure)))

    @property
    def replaced(self) -> Sequence[str]:
        """Processes that ended and were restarted, so that their curves are of more than one process."""
        return [process for process, pids in self.pids.items() if len(pids) > 1]

    def add(self, process: str, seconds: float, values: Mapping[str, float]) -> None:
        """Record a sample of a process."""
        for measure, value in values.items():
            curve = self._curves.setdefault((process, measure), Curve(process, measure))
            curve.seconds.append(seconds)
            curve.values.append(value)

    def write(self, file: Path) -> None:
        """Write every sample, a line each."""
        with file.open("w", newline="", encoding="utf-8") as lines:
            table = csv.writer(lines)
            table.writerow(("process", "measure", "seconds", "value"))
            for curve in self.curves:
                for seconds, value in zip(curve.seconds, curve.values, strict=True):
                    table.writerow((curve.process, curve.measure, f"{seconds:.1f}", f"{value:g}"))


class Watch:
    """Samples every process of a fleet."""

    def __init__(self, fleet: Fleet, http: httpx.AsyncClient) -> None:
        self.course = Course()
        self._fleet, self._http, self._began = fleet, http, time.monotonic()
        self._alone = asyncio.Lock()  # a simultaneous sample would be seen by the other, as tasks

    async def go_on(self, every: float) -> None:
        """Sample every so many seconds, until cancelled."""
        while True:
            await self.look("")
            await asyncio.sleep(every)

    async def look_at_rest(self) -> None:
        """Sample once, while there are no requests."""
        await self.look(AT_REST)

    async def look(self, when: str) -> None:
        """Sample once, under the measures whose names end with this."""
        async with self._alone:
            seconds = time.monotonic() - self._began
            await asyncio.gather(*(self._look(member, seconds, when) for member in self._fleet.members))

    async def _look(self, member: Member, seconds: float, when: str) -> None:
        if member.running is None:
            return
        process = member.running.process
        with suppress(psutil.Error):
            held = {**await asyncio.to_thread(_held, process.pid), **await _tasks(member, self._http)}
            named = {f"{name}{when}": value for name, value in held.items()}
            self.course.add(member.name, seconds, {name: named[name] for name in named if name in MEASURES})
            self.course.pids[member.name].add(process.pid)


def _held(pid: int) -> Mapping[str, float]:
    process = psutil.Process(pid)
    memory = process.memory_full_info()
    return {
        "RSS MiB": memory.rss / _MEBIBYTE,
        "private MiB": memory.uss / _MEBIBYTE,
        "descriptors": process.num_fds(),
        "threads": process.num_threads(),
        "connections": len(process.net_connections("tcp")),
    }


async def _tasks(member: Member, http: httpx.AsyncClient) -> Mapping[str, float]:
    """The number of tasks of the event loop, from the process's own metrics."""
    try:
        scraped = await scrape(http, f"http://127.0.0.1:{member.metrics_port}/metrics")
    except httpx.TransportError:
        return {}  # a server hangs, and with it the request
    tasks = scraped.value("event_loop_tasks")
    return {} if tasks is None else {"tasks": tasks}
