"""Programs that are measured: started, waited for, their CPU time and memory read, stopped."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import psutil

from imagegen.local.ports import reserve

ROOT: Final = Path(__file__).parent.parent
_LONGEST_START: Final = 120.0  # seconds; LiteLLM takes up to 30 on a busy machine
_BETWEEN_LOOKS: Final = 0.02
_GRACE: Final = 25.0


class BenchmarkError(Exception):
    """What was measured did not do its work, so that its figures would mean nothing."""


@dataclass(frozen=True, slots=True)
class Program:
    """One running program and its children."""

    process: psutil.Process
    url: str = ""

    @property
    def cpu_seconds(self) -> float:
        """User and system time of the program and its children so far, in steps of 10 ms."""
        times = [process.cpu_times() for process in self._tree()]
        return sum(spent.user + spent.system for spent in times)

    @property
    def memory_bytes(self) -> int:
        """Resident memory of the program and its children."""
        return sum(process.memory_info().rss for process in self._tree())

    def _tree(self) -> Sequence[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]


@asynccontextmanager
async def running(
    *command: str, environ: Mapping[str, str], directory: Path, ready: str = "", url: str = ""
) -> AsyncGenerator[Program]:
    """Run a program until the body ends; what it prints is kept in a file in `directory`.

    Args:
        command: program and arguments.
        environ: its whole environment, but for PATH and HOME.
        directory: its working directory.
        ready: the body begins when this address answers 200; empty: at once.
        url: where the program is.

    Raises:
        BenchmarkError: it ended, or did not answer in time.
    """
    log = directory / f"{Path(command[0]).name}-{time.monotonic_ns()}.log"
    whole = _whole(environ)
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command, env=whole, cwd=directory, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output
        )  # fmt: skip
    try:
        if ready:
            await _answers(process, ready, log)
        yield Program(psutil.Process(process.pid), url)
    finally:
        await _stop(process)


async def output_of(*command: str, environ: Mapping[str, str]) -> str:
    """Run a program to its end and give what it printed.

    Raises:
        BenchmarkError: it failed.
    """
    process = await asyncio.create_subprocess_exec(
        *command, env=_whole(environ), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
    )
    try:
        printed, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode != 0:
        raise BenchmarkError(f"{' '.join(command)} ended with status {process.returncode}")
    return printed.decode()


def _whole(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | {**environ}


def python_module(name: str, *arguments: str) -> tuple[str, ...]:
    """The command that runs a module with this Python."""
    return (sys.executable, "-m", name, *arguments)


def free_ports(directory: Path, *names: str) -> Mapping[str, int]:
    """Loopback ports that are free; the same ones at each call with the same directory while they stay free."""
    reservation = reserve(directory / "bench-ports.json", names)
    reservation.close()
    return reservation.ports


async def _answers(process: asyncio.subprocess.Process, ready: str, log: Path) -> None:
    ends = time.monotonic() + _LONGEST_START
    async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
        while process.returncode is None and time.monotonic() < ends:
            with suppress(httpx.TransportError):
                if (await client.get(ready)).is_success:
                    return
            await asyncio.sleep(_BETWEEN_LOOKS)
    tail = await asyncio.to_thread(log.read_text, errors="replace")
    raise BenchmarkError(f"{ready} does not answer. The program printed:\n{tail[-2000:]}")


async def _stop(process: asyncio.subprocess.Process) -> None:
    """End the program and its children: asked first, killed after a while."""
    if process.returncode is not None:
        return
    family = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    with suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), _GRACE)
    for left in family:
        with suppress(psutil.NoSuchProcess):
            left.kill()
    if process.returncode is None:
        process.kill()
        await process.wait()
