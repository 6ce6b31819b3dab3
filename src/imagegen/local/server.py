"""What the stack knows of one local server."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

LOOPBACK = "127.0.0.1"
_BETWEEN_PROBES = 0.02  # seconds
_LONGEST_PROBE = 1.0  # seconds


def _no_remedy(_log: str) -> str | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """How a server is started, seen to answer, and reached.

    Attributes:
        name: what its log file and its messages call it.
        group: the group of `Settings` that points at it.
        address: the fields of that group, as text.
        command: program and arguments, absolute.
        directory: its data; made before it starts.
        ready: returns as soon as the server does its work, called again after each restart.
        remedy: what to do about an end at start, read from its output; None if that says nothing known.
        litter: files outside its directory that it leaves behind.
    """

    name: str
    group: str
    address: Mapping[str, str]
    command: tuple[str, ...]
    directory: Path
    ready: Callable[[], Awaitable[None]]
    remedy: Callable[[str], str | None] = _no_remedy
    litter: tuple[Path, ...] = ()


async def until(probe: Callable[[], Awaitable[bool]]) -> None:
    """Ask again and again, 20 ms apart, until the answer is yes."""
    while not await probe():  # noqa: ASYNC110 - the event is in another process
        await asyncio.sleep(_BETWEEN_PROBES)


async def listens(port: int) -> bool:
    """Say whether something accepts connections on this loopback port."""
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    writer.close()
    return True


def loopback_client() -> httpx.AsyncClient:
    """Make a client for plain http on loopback: no proxy, no certificates to load (0.1 s each time)."""
    return httpx.AsyncClient(trust_env=False, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), timeout=_LONGEST_PROBE)


async def get(client: httpx.AsyncClient, url: str) -> bytes | None:
    """Give the body of whatever answer there is, None without one."""
    try:
        return (await client.get(url)).content
    except httpx.TransportError:
        return None
