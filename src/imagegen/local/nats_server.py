"""The local NATS with JetStream. Its configuration file has the password."""

import asyncio
import secrets
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from pydantic import BaseModel

from imagegen.local.binaries import NATS_SERVER, find
from imagegen.local.credentials import USER, load_or_create
from imagegen.local.server import LOOPBACK, LocalServer, poll_until
from imagegen.settings import Settings

PORTS = ("nats",)

_LONGEST_PROBE = 1.0  # seconds


class _Authorization(BaseModel):
    user: str
    password: str


class _Config(BaseModel):
    """The content of the file. NATS reads JSON as well as its own format."""

    authorization: _Authorization


def server(directory: Path, ports: Mapping[str, int], settings: Settings) -> LocalServer:
    """The nats-server with its streams in `directory/nats`.

    Raises:
        LocalServerError: there is no nats-server.
    """
    data, port, config = directory / "nats", ports["nats"], directory / "nats.conf"
    program = find(NATS_SERVER, settings.local.nats_server)
    login = _Config.model_validate_json(load_or_create(config, _new_config)).authorization
    return LocalServer(
        name="nats",
        group="nats",
        address={"url": f"nats://{login.user}:{login.password}@{LOOPBACK}:{port}"},
        command=(program, "-c", str(config), "-a", LOOPBACK, "-p", str(port), "-js", "-sd", str(data)),
        directory=data,
        ready=partial(poll_until, partial(_jetstream_answers, port, login)),
    )


def _new_config() -> str:
    login = _Authorization(user=USER, password=secrets.token_hex(32))
    return _Config(authorization=login).model_dump_json(indent=2)


async def _jetstream_answers(port: int, login: _Authorization) -> bool:
    """Request JetStream's account information in NATS's text protocol (docs.nats.io, Client Protocol)."""
    connect = f'CONNECT {{"verbose":false,"user":"{login.user}","pass":"{login.password}"}}\r\n'
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
