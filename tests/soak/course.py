"""What each process holds, looked at every few seconds: memory, descriptors, threads, connections, tasks."""

import asyncio
import csv
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Final

import httpx
import psutil
from flatness import OfBlock
from fleet import Fleet, Member
from scraped import scrape

_MEBIBYTE: Final = 2**20
_PATIENCE: Final = 5.0


@dataclass(frozen=True, slots=True)
class Measure:
    """Something that a process holds.

    Attributes:
        allowed: growth per hour.
        of_block: what stands for a block of samples. Memory: the mean. What is opened for each caller goes up and down
            with them; a leak is what does not come down again, so it is seen in the lowest sample.
    """

    allowed: float
    of_block: OfBlock


MEASURES: Final[Mapping[str, Measure]] = {
    "RSS MiB": Measure(8, fmean),
    "private MiB": Measure(8, fmean),
    "descriptors": Measure(20, min),
    "threads": Measure(4, min),
    "connections": Measure(20, min),
    "tasks": Measure(20, min),
}


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
        """Processes that ended and were started again, so that their curves are of more than one."""
        return [process for process, pids in self.pids.items() if len(pids) > 1]

    def add(self, process: str, seconds: float, values: Mapping[str, float]) -> None:
        """Note what a process holds now."""
        for measure, value in values.items():
            curve = self._curves.setdefault((process, measure), Curve(process, measure))
            curve.seconds.append(seconds)
            curve.values.append(value)

    def write(self, file: Path) -> None:
        """Keep every sample, a line each."""
        with file.open("w", newline="", encoding="utf-8") as lines:
            table = csv.writer(lines)
            table.writerow(("process", "measure", "seconds", "value"))
            for curve in self.curves:
                for seconds, value in zip(curve.seconds, curve.values, strict=True):
                    table.writerow((curve.process, curve.measure, f"{seconds:.1f}", f"{value:g}"))


async def watch(fleet: Fleet, every: float, enough: asyncio.Event) -> Course:
    """Look at every process until it is enough."""
    course, began = Course(), time.monotonic()
    async with httpx.AsyncClient(trust_env=False, timeout=_PATIENCE) as http:
        while not enough.is_set():
            seconds = time.monotonic() - began
            await asyncio.gather(*(_look(member, course, seconds, http) for member in fleet.members))
            with suppress(TimeoutError):
                await asyncio.wait_for(enough.wait(), every)
    return course


async def _look(member: Member, course: Course, seconds: float, http: httpx.AsyncClient) -> None:
    if member.running is None:
        return
    process = member.running.process
    with suppress(psutil.Error):
        held = await asyncio.to_thread(_held, process.pid)
        course.add(member.name, seconds, {**held, **await _tasks(member, http)})
        course.pids[member.name].add(process.pid)


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
    """The tasks of the event loop, as the process itself says."""
    try:
        scraped = await scrape(http, f"http://127.0.0.1:{member.metrics_port}/metrics")
    except httpx.TransportError:
        return {}  # a server hangs, and so does what is asked of it
    tasks = scraped.value("event_loop_tasks")
    return {} if tasks is None else {"tasks": tasks}
