"""The description of one local server, and how it is probed."""

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
class LocalServer:
    """How a server is started, probed and reached.

    Attributes:
        name: its name in messages and of its log file.
        group: the group of `Settings` that points at it.
        address: the fields of that group, as text.
        command: program and arguments, with absolute paths.
        directory: its data; created before it starts.
        ready: returns once the server works; called again after each restart.
        remedy: what to do if it ends at its start, from its output; None if the output shows no known cause.
        leftover_sockets: files outside its directory that it does not remove.
    """

    name: str
    group: str
    address: Mapping[str, str]
    command: tuple[str, ...]
    directory: Path
    ready: Callable[[], Awaitable[None]]
    remedy: Callable[[str], str | None] = _no_remedy
    leftover_sockets: tuple[Path, ...] = ()


async def poll_until(probe: Callable[[], Awaitable[bool]]) -> None:
    """Call the probe every 20 ms until it returns True."""
    while not await probe():  # noqa: ASYNC110 - the event is in another process
        await asyncio.sleep(_BETWEEN_PROBES)


async def is_listening(port: int) -> bool:
    """Whether a server accepts connections on this loopback port."""
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    writer.close()
    return True


def loopback_client() -> httpx.AsyncClient:
    """A client for plain http on loopback: no proxy, and no certificates, which take 0.1 s to load."""
    return httpx.AsyncClient(trust_env=False, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), timeout=_LONGEST_PROBE)


async def get_body(client: httpx.AsyncClient, url: str) -> bytes | None:
    """The body of any response; None without a response."""
    try:
        return (await client.get(url)).content
    except httpx.TransportError:
        return None
