"""What each process holds, looked at every few seconds: memory, descriptors, threads, connections, tasks."""

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
from fleet import Fleet, Member
from prometheus_client.parser import text_string_to_metric_families

_MEBIBYTE: Final = 2**20
_PATIENCE: Final = 5.0
# The measures with the growth per hour that is allowed.
ALLOWED: Final[Mapping[str, float]] = {
    "RSS MiB": 8,
    "private MiB": 8,
    "descriptors": 20,
    "threads": 4,
    "connections": 20,
    "tasks": 40,
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
        """By process, then by measure, in the order of `ALLOWED`."""
        order = list(ALLOWED)
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
            for member in fleet.members:
                await _look(member, course, time.monotonic() - began, http)
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
    if not member.port:
        return {}
    try:
        answer = await http.get(f"http://127.0.0.1:{member.port}/metrics")
    except httpx.TransportError:
        return {}
    families = text_string_to_metric_families(answer.text) if answer.is_success else ()
    found = [family for family in families if family.name == "imagegen_event_loop_tasks"]
    return {"tasks": found[0].samples[0].value} if found else {}
