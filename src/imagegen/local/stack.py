"""The whole local stack: every server that no variable names, started side by side, and where to find them."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from imagegen.errors import LocalServerError
from imagegen.local import addresses, lock, mongod, nats_server, ports, sandbox, seaweedfs
from imagegen.local.process import Child
from imagegen.local.server import Server
from imagegen.settings import Settings

logger = logging.getLogger("imagegen.local")

_STACK_FILE = "stack.json"


@dataclass(frozen=True, slots=True)
class _Kind:
    variable: str
    port_names: tuple[str, ...]
    describe: Callable[[Path, Mapping[str, int], Settings], Server]


_KINDS = {
    "fal": _Kind("FAL_KEY", sandbox.PORTS, sandbox.server),
    "mongodb": _Kind("MONGODB_URL", mongod.PORTS, mongod.server),
    "s3": _Kind("S3_BUCKET", seaweedfs.PORTS, seaweedfs.server),
    "nats": _Kind("NATS_URL", nats_server.PORTS, nats_server.server),
}


@contextlib.asynccontextmanager
async def local_stack(settings: Settings) -> AsyncGenerator[Settings, None]:
    """Start a local server for each one that no variable names; yield the settings that point at them.

    Every server answers when this yields. One that dies is started again on its port. All are stopped at the end.

    Raises:
        LocalServerError: a program is missing, a server does not start, or another stack holds the data directory.
    """
    if not settings.unset_servers:
        yield settings
        return
    async with contextlib.AsyncExitStack() as closing:
        children = await asyncio.to_thread(_prepare, settings, closing)
        closing.push_async_callback(_stop, children)
        await _start(children)
        keepers = [asyncio.create_task(child.keep_running()) for child in children]
        closing.push_async_callback(_cancel, keepers)
        stack_file = settings.service.data_dir.absolute() / _STACK_FILE
        closing.push_async_callback(asyncio.to_thread, stack_file.unlink, missing_ok=True)
        found = {child.server.group: child.server.address for child in children}
        await asyncio.to_thread(addresses.write, stack_file, found)
        yield addresses.point_at(settings, found)


def join_local_stack(settings: Settings) -> Settings:
    """Point the settings at the servers of the stack that runs on the same data directory.

    Raises:
        LocalServerError: none runs, it is not ready yet, or it lacks a server that these settings leave unset.
    """
    if not settings.unset_servers:
        return settings
    directory = settings.service.data_dir.absolute()
    found = _running(directory)
    absent = [_KINDS[name].variable for name in settings.unset_servers if name not in found]
    if absent:
        raise LocalServerError(f"The imagegen that runs in {directory} has no local server for: {', '.join(absent)}.")
    return addresses.point_at(settings, {name: found[name] for name in settings.unset_servers})


def _running(directory: Path) -> addresses.Addresses:
    if not lock.is_held(directory):
        variables = ", ".join(kind.variable for kind in _KINDS.values())
        raise LocalServerError(
            f"No local servers run in {directory}: start `imagegen serve` there first, or set {variables}."
        )
    try:
        return addresses.read(directory / _STACK_FILE)
    except FileNotFoundError:
        raise LocalServerError(f"The local servers in {directory} are not ready yet: try again in a moment.") from None


def _prepare(settings: Settings, closing: contextlib.AsyncExitStack) -> list[Child]:
    """Do what touches files: take the data directory, the ports and the programs."""
    directory = settings.service.data_dir.absolute()
    (directory / "logs").mkdir(mode=0o700, parents=True, exist_ok=True)
    servers_lock = closing.enter_context(lock.held(directory))
    (directory / _STACK_FILE).unlink(missing_ok=True)
    kinds = [_KINDS[name] for name in settings.unset_servers]
    reserved = ports.reserve(directory / "ports.json", [name for kind in kinds for name in kind.port_names])
    closing.callback(reserved.close)
    servers = _describe(kinds, directory, reserved.ports, settings)
    for server in servers:
        server.directory.mkdir(mode=0o700, exist_ok=True)
    return [Child(server, directory / "logs" / f"{server.name}.log", servers_lock) for server in servers]


def _describe(kinds: Sequence[_Kind], directory: Path, reserved: Mapping[str, int], settings: Settings) -> list[Server]:
    servers: list[Server] = []
    faults: list[LocalServerError] = []
    for kind in kinds:
        try:
            servers.append(kind.describe(directory, reserved, settings))
        except LocalServerError as fault:
            faults.append(fault)
    _raise_all(faults)
    return servers


async def _start(children: Sequence[Child]) -> None:
    """Start all side by side, and wait for all: one error then names every server that failed."""
    outcomes = await asyncio.gather(*(child.start() for child in children), return_exceptions=True)
    failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    for failure in failures:
        if not isinstance(failure, LocalServerError):
            raise failure
    _raise_all(failures)


def _raise_all(faults: Sequence[BaseException]) -> None:
    if faults:
        raise LocalServerError("\n".join(str(fault) for fault in faults))


async def _cancel(keepers: Sequence[asyncio.Task[None]]) -> None:
    for keeper in keepers:
        keeper.cancel()
    await asyncio.gather(*keepers, return_exceptions=True)


async def _stop(children: Sequence[Child]) -> None:
    await asyncio.gather(*(child.stop() for child in children))
    await asyncio.to_thread(_tidy, children)


def _tidy(children: Sequence[Child]) -> None:
    for child in children:
        for path in child.server.litter:
            path.unlink(missing_ok=True)
