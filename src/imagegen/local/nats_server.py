"""The local NATS with JetStream."""

import asyncio
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from imagegen.local.binaries import NATS_SERVER, find
from imagegen.local.server import LOOPBACK, Server, until
from imagegen.settings import LocalSettings

PORTS = ("nats",)

_LONGEST_PROBE = 1.0  # seconds
_ASK_JETSTREAM = b'CONNECT {"verbose":false}\r\nSUB ready 1\r\nPUB $JS.API.INFO ready 0\r\n\r\n'


def server(directory: Path, ports: Mapping[str, int], programs: LocalSettings) -> Server:
    """Describe the nats-server that keeps its streams in `directory/nats`.

    Raises:
        LocalServerError: there is no nats-server.
    """
    data, port = directory / "nats", ports["nats"]
    return Server(
        name="nats",
        group="nats",
        address={"url": f"nats://{LOOPBACK}:{port}"},
        command=(find(NATS_SERVER, programs.nats_server), "-a", LOOPBACK, "-p", str(port), "-js", "-sd", str(data)),
        directory=data,
        ready=partial(until, partial(_answers, port)),
    )


async def _answers(port: int) -> bool:
    """Ask JetStream for its account information, in NATS's own text protocol (docs.nats.io, Client Protocol)."""
    try:
        async with asyncio.timeout(_LONGEST_PROBE):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            try:
                writer.write(_ASK_JETSTREAM)
                await reader.readuntil(b"\r\nMSG ready 1 ")
            finally:
                writer.close()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return False
    return True
