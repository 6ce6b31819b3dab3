"""The servers of a run: real ones of its own, restarted by the local stack whenever they end.

They are children of the harness, so they outlive the processes of imagegen. The sandbox is never disturbed, because
everything is compared with its ledger.
"""

import asyncio
import shutil
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from imagegen.settings import Settings
from tests.chaos.tally import Tally


@dataclass(frozen=True, slots=True)
class Servers:
    """MongoDB, S3 and NATS by the names `mongodb`, `s3` and `nats`."""

    settings: Settings
    tally: Tally

    async def kill(self, name: str) -> None:
        """Kill a server as in a crash. The stack restarts it on its port, with its data."""
        await self._signal(name, signal.SIGKILL)

    async def hang(self, name: str, seconds: float) -> None:
        """Let a server accept connections without responding for a while."""
        await self._signal(name, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            await self._signal(name, signal.SIGCONT)

    async def lose_the_queue(self) -> None:
        """Delete the data of NATS, and kill it: it comes back empty."""
        data = self.settings.service.data_dir / "nats"
        await asyncio.to_thread(_empty, data)
        await self._signal("nats", signal.SIGKILL)
        await asyncio.to_thread(_empty, data)

    async def _signal(self, name: str, number: signal.Signals) -> None:
        process = await asyncio.to_thread(_listener, port_of(self.settings, name))
        if process is None:
            return  # it is being restarted
        with suppress(psutil.NoSuchProcess):  # another disturbance was faster
            process.send_signal(number)
            self.tally.note(f"{number.name} to {name} ({process.pid})")


def port_of(settings: Settings, name: str) -> int:
    """The port on which a server listens."""
    mongodb, nats = settings.mongodb.url, settings.nats.url
    assert mongodb is not None
    assert nats is not None
    urls = {
        "mongodb": mongodb.get_secret_value(),
        "s3": settings.s3.endpoint_url or "",
        "nats": nats.get_secret_value(),
    }
    port = urlsplit(urls[name]).port
    assert port is not None
    return port


def _listener(port: int) -> psutil.Process | None:
    """The descendant of this process that listens on a port."""
    for process in psutil.Process().children(recursive=True):
        try:
            found = process.net_connections("inet")
        except psutil.Error:
            continue
        if any(each.laddr and each.laddr.port == port and each.status == psutil.CONN_LISTEN for each in found):
            return process
    return None


def _empty(directory: Path) -> None:
    for entry in directory.iterdir():
        shutil.rmtree(entry, ignore_errors=True)
