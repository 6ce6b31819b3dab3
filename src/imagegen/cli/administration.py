"""What commands that administer something have in common: they open the database, do one thing, and tell a service."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

from imagegen.cli.errors import InvalidArgument
from imagegen.cli.runtime import read_settings, run
from imagegen.errors import InvalidInput, LocalServerError, QueueUnavailable
from imagegen.local import join_local_stack
from imagegen.queue import Changed, announce_change
from imagegen.registry import Registry, load_registry
from imagegen.settings import NatsSettings, Settings
from imagegen.storage.stores import Stores, open_stores

A = TypeVar("A")
T = TypeVar("T")
Announce = Callable[[], Awaitable[None]]
Administration = Callable[[Stores, Registry, Settings, Announce], A]


def administer(what: Changed, administration: Administration[A], act: Callable[[A], Awaitable[T]]) -> T:
    """Do something in the database of the settings, or of the local stack that runs.

    Args:
        what: is administered; running processes are told of its changes.
        administration: makes what `act` works with.
        act: does it.

    Raises:
        InvalidArgument: with every fault of what was asked for.
    """
    settings, _ = read_settings()
    return run(_administer(_joined(settings), what, administration, act))


async def _administer(
    settings: Settings, what: Changed, administration: Administration[A], act: Callable[[A], Awaitable[T]]
) -> T:
    registry = await asyncio.to_thread(load_registry, settings.service.catalog_files, settings.service.offered_models)
    async with open_stores(settings.mongodb) as stores:
        admin = administration(stores, registry, settings, partial(_announce, settings.nats, what))
        try:
            return await act(admin)
        except InvalidInput as error:
            raise InvalidArgument("\n".join(fault.message for fault in error.faults)) from error


def _joined(settings: Settings) -> Settings:
    """The settings with the servers of the local stack, if it runs. Only MongoDB must be known."""
    try:
        return join_local_stack(settings)
    except LocalServerError:
        if settings.mongodb.url is None:
            raise
        return settings


async def _announce(settings: NatsSettings, what: Changed) -> None:
    """Tell running processes, which otherwise see the change within ten seconds."""
    if settings.url is not None:
        with suppress(QueueUnavailable):
            await announce_change(settings, what)
