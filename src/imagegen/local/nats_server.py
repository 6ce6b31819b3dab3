"""The local NATS with JetStream. It asks for a password, which its configuration file holds."""

import asyncio
import secrets
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from pydantic import BaseModel

from imagegen.local.binaries import NATS_SERVER, find
from imagegen.local.credentials import USER, kept
from imagegen.local.server import LOOPBACK, Server, until
from imagegen.settings import Settings

PORTS = ("nats",)

_LONGEST_PROBE = 1.0  # seconds


class _Authorization(BaseModel):
    user: str
    password: str


class _Config(BaseModel):
    """What is in the file: NATS reads JSON as well as its own format."""

    authorization: _Authorization


def server(directory: Path, ports: Mapping[str, int], settings: Settings) -> Server:
    """Describe the nats-server that keeps its streams in `directory/nats`.

    Raises:
        LocalServerError: there is no nats-server.
    """
    data, port, config = directory / "nats", ports["nats"], directory / "nats.conf"
    program = find(NATS_SERVER, settings.local.nats_server)
    allowed = _Config.model_validate_json(kept(config, _new_config)).authorization
    return Server(
        name="nats",
        group="nats",
        address={"url": f"nats://{allowed.user}:{allowed.password}@{LOOPBACK}:{port}"},
        command=(program, "-c", str(config), "-a", LOOPBACK, "-p", str(port), "-js", "-sd", str(data)),
        directory=data,
        ready=partial(until, partial(_answers, port, allowed)),
    )


def _new_config() -> str:
    allowed = _Authorization(user=USER, password=secrets.token_hex(32))
    return _Config(authorization=allowed).model_dump_json(indent=2)


async def _answers(port: int, allowed: _Authorization) -> bool:
    """Ask JetStream for its account information, in NATS's own text protocol (docs.nats.io, Client Protocol)."""
    connect = f'CONNECT {{"verbose":false,"user":"{allowed.user}","pass":"{allowed.password}"}}\r\n'
    try:
        async with asyncio.timeout(_LONGEST_PROBE):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            try:
                writer.write(connect.encode() + b"SUB ready 1\r\nPUB $JS.API.INFO ready 0\r\n\r\n")
                await reader.readuntil(b"\r\nMSG ready 1 ")
            finally:
                writer.close()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return False
    return True
