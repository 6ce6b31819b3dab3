"""The local stack: a server for each one without a variable, started in parallel, and their addresses."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from imagegen.errors import LocalServerError
from imagegen.local import addresses, data_directory, lock, mongod, nats_server, ports, sandbox, seaweedfs
from imagegen.local.process import SupervisedServer
from imagegen.local.server import LocalServer
from imagegen.settings import Settings

logger = logging.getLogger("imagegen.local")

_STACK_FILE = "stack.json"


@dataclass(frozen=True, slots=True)
class _ServerKind:
    variable: str
    port_names: tuple[str, ...]
    describe: Callable[[Path, Mapping[str, int], Settings], LocalServer]


_KINDS = {
    "fal": _ServerKind("FAL_KEY", sandbox.PORTS, sandbox.server),
    "mongodb": _ServerKind("MONGODB_URL", mongod.PORTS, mongod.server),
    "s3": _ServerKind("S3_BUCKET", seaweedfs.PORTS, seaweedfs.server),
    "nats": _ServerKind("NATS_URL", nats_server.PORTS, nats_server.server),
}


@contextlib.asynccontextmanager
async def local_stack(settings: Settings) -> AsyncGenerator[Settings, None]:
    """Start a local server for each one without a variable; yield the settings that point at them.

    Every server answers when this yields. One that dies is restarted on its port. All are stopped at the end.

    Raises:
        LocalServerError: a program is missing, a server does not start, or the data directory cannot be used.
    """
    if not settings.unset_servers:
        yield settings
        return
    async with contextlib.AsyncExitStack() as closing:
        supervised = await asyncio.to_thread(_prepare, settings, closing)
        closing.push_async_callback(_stop, supervised)
        await _start(supervised)
        supervisors = [asyncio.create_task(each.keep_running()) for each in supervised]
        closing.push_async_callback(_cancel, supervisors)
        stack_file = settings.service.data_dir.absolute() / _STACK_FILE
        closing.push_async_callback(asyncio.to_thread, stack_file.unlink, missing_ok=True)
        found = {each.server.group: each.server.address for each in supervised}
        await asyncio.to_thread(addresses.write, stack_file, found)
        yield addresses.point_at(settings, found)


def join_local_stack(settings: Settings) -> Settings:
    """Point the settings at the servers of the stack that runs in the same data directory.

    Raises:
        LocalServerError: no stack runs, it is not ready yet, or it lacks a server that these settings leave unset.
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


def _prepare(settings: Settings, closing: contextlib.AsyncExitStack) -> list[SupervisedServer]:
    """Lock the data directory, reserve the ports and find the programs. Accesses files: call it in a thread."""
    directory = settings.service.data_dir.absolute()
    data_directory.make(directory)
    if problem := data_directory.shortage(directory):
        logger.warning("%s", problem)
    (directory / "logs").mkdir(mode=0o700, exist_ok=True)
    servers_lock = closing.enter_context(lock.hold(directory))
    (directory / _STACK_FILE).unlink(missing_ok=True)
    kinds = [_KINDS[name] for name in settings.unset_servers]
    reserved = ports.reserve(directory / "ports.json", [name for kind in kinds for name in kind.port_names])
    closing.callback(reserved.close)
    servers = _describe(kinds, directory, reserved.ports, settings)
    for server in servers:
        server.directory.mkdir(mode=0o700, exist_ok=True)
    return [SupervisedServer(server, directory / "logs" / f"{server.name}.log", servers_lock) for server in servers]


def _describe(
    kinds: Sequence[_ServerKind], directory: Path, reserved: Mapping[str, int], settings: Settings
) -> list[LocalServer]:
    servers: list[LocalServer] = []
    faults: list[LocalServerError] = []
    for kind in kinds:
        try:
            servers.append(kind.describe(directory, reserved, settings))
        except LocalServerError as fault:
            faults.append(fault)
    _raise_all(faults)
    return servers


async def _start(supervised: Sequence[SupervisedServer]) -> None:
    """Start all servers in parallel and wait for all. One error then names every server that failed."""
    outcomes = await asyncio.gather(*(each.start() for each in supervised), return_exceptions=True)
    failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    for failure in failures:
        if not isinstance(failure, LocalServerError):
            raise failure
    _raise_all(failures)


def _raise_all(faults: Sequence[BaseException]) -> None:
    if faults:
        raise LocalServerError("\n".join(str(fault) for fault in faults))


async def _cancel(supervisors: Sequence[asyncio.Task[None]]) -> None:
    for supervisor in supervisors:
        supervisor.cancel()
    await asyncio.gather(*supervisors, return_exceptions=True)


async def _stop(supervised: Sequence[SupervisedServer]) -> None:
    await asyncio.gather(*(each.stop() for each in supervised))
    await asyncio.to_thread(_remove_sockets, supervised)


def _remove_sockets(supervised: Sequence[SupervisedServer]) -> None:
    for each in supervised:
        for path in each.server.leftover_sockets:
            path.unlink(missing_ok=True)
