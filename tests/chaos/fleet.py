"""The processes of imagegen, each restarted whenever it ends, as by systemd or Kubernetes."""

import asyncio
import signal
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from tests.chaos.tally import Tally
from tests.support.processes import Running, answers, free_port, imagegen

_PAUSE: Final = 0.2  # seconds before an ended process is restarted
_STEADY: Final = 15.0  # seconds after the start, from which an unexpected end is a defect and not a failed start
_UP_WITHIN: Final = 180.0  # seconds for a member to respond; on a busy machine it takes over a minute
_CANNOT_START: Final = 2  # longer if the process was stopped during its start


@dataclass(slots=True)
class Member:
    """A member of the fleet: the present process and its successors.

    Attributes:
        metrics_port: for Prometheus.
        busy: a disturbance is using it.
        told: the present process was killed, or was sent SIGTERM.
        pause: seconds before the next process is started.
        ended: exit statuses of processes that were up, and ended by themselves.
        failed_starts: processes that ended soon after their start, which happens while a server is down.
    """

    name: str
    command: tuple[str, ...]
    environ: Mapping[str, str]
    directory: Path
    tally: Tally
    port: int = 0
    metrics_port: int = 0
    running: Running | None = None
    busy: bool = False
    told: bool = False
    pause: float = _PAUSE
    ended: list[int] = field(default_factory=list[int])
    failed_starts: int = 0

    @property
    def is_up(self) -> bool:
        return self.running is not None and self.running.process.returncode is None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the present process, if one is running."""
        if self.running is not None and self.is_up:
            self.told = self.told or number in {signal.SIGKILL, signal.SIGTERM}
            with suppress(ProcessLookupError):
                self.running.process.send_signal(number)
            self.tally.note(f"{number.name} to {self.name} ({self.running.process.pid})")

    async def keep_running(self) -> None:
        """Restart the process whenever it ends, until cancelled; then kill it."""
        while True:
            self.told = False
            began = self.tally.seconds
            async with imagegen(
                *self.command, environ=self.environ, directory=self.directory, port=self.port
            ) as self.running:
                status = await self.running.process.wait()
            self._judge(status, self.tally.seconds - began)
            pause, self.pause = self.pause, _PAUSE
            await asyncio.sleep(pause)

    def _judge(self, status: int, seconds: float) -> None:
        self.tally.note(f"{self.name} ended with status {status} after {seconds:.1f} s")
        if self.told:
            return
        if seconds > _STEADY and status != _CANNOT_START:
            self.ended.append(status)
        else:
            self.failed_starts += 1


@dataclass(frozen=True, slots=True)
class Fleet:
    """All members; those that `serve` have a port."""

    members: Sequence[Member]

    @property
    def ports(self) -> Sequence[int]:
        """The ports of the API."""
        return [member.port for member in self.members if member.port]

    def idle(self, rng: Random) -> Sequence[Member]:
        """The members that are running undisturbed, in random order."""
        free = [member for member in self.members if member.is_up and not member.busy]
        return rng.sample(free, len(free))

    async def all_up(self) -> None:
        """Wait until every API process responds and every other process is started."""
        for member in self.members:
            async with asyncio.timeout(_UP_WITHIN):
                while not await _answers(member):
                    await asyncio.sleep(0.2)


@asynccontextmanager
async def fleet(
    environ: Mapping[str, str], directory: Path, tally: Tally, *, serves: int, workers: int
) -> AsyncGenerator[Fleet]:
    """Run `serve` and `worker` processes; all are killed at the end.

    The first of each kind has a public address, so fal calls its webhook; the others follow the status streams of fal.
    """
    ports = [free_port() for _ in range(serves)]
    public = {**environ, "PUBLIC_URL": f"http://127.0.0.1:{ports[0]}"}
    members = [
        Member(f"serve-{n}", ("serve", "--port", str(port)), environ, directory / f"serve-{n}", tally, port)
        for n, port in enumerate(ports, start=1)
    ]
    members += [
        Member(f"worker-{n}", ("worker",), environ, directory / f"worker-{n}", tally) for n in range(1, workers + 1)
    ]
    for member in members:
        member.directory.mkdir()
        if member.name.endswith("-1"):
            member.environ = public
        member.metrics_port = free_port()
        member.environ = {**member.environ, "IMAGEGEN_METRICS_PORT": str(member.metrics_port)}
    keepers = [asyncio.create_task(member.keep_running(), name=member.name) for member in members]
    try:
        yield Fleet(members)
    finally:
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)


async def _answers(member: Member) -> bool:
    if not member.is_up or member.running is None:
        return False
    if member.port:
        with suppress(AssertionError, TimeoutError):
            await answers(member.running)
    return member.is_up
