"""What `imagegen keys` does: opens the database, does one thing, and tells a running service."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from pydantic import JsonValue

from imagegen.cli.errors import InvalidArgument
from imagegen.cli.runtime import read_settings, run
from imagegen.errors import InvalidInput, LocalServerError, QueueUnavailable
from imagegen.keys import ApiKey, read_keys
from imagegen.local import join_local_stack
from imagegen.operations.first_keys import import_keys
from imagegen.operations.key_administration import COMMAND, IssuedKey, KeyAdministration
from imagegen.operations.key_requests import read_create_request
from imagegen.queue import Changed, announce_change
from imagegen.registry import load_registry
from imagegen.settings import NatsSettings, Settings
from imagegen.storage.stores import open_stores

T = TypeVar("T")
Act = Callable[[KeyAdministration], Awaitable[T]]
_DURATION: Final = re.compile(r"(\d{1,5})([mhdw])")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """The ids of a file of keys: those that are new, those that were there, and those that were revoked since."""

    new: Sequence[str]
    known: Sequence[str]
    revoked: Sequence[str]


def administer(act: Act[T]) -> T:
    """Do something with the keys of the database of the settings, or of the local stack that runs."""
    settings, _ = read_settings()
    return run(_administer(_joined(settings), act))


def add_key(body: JsonValue) -> Act[IssuedKey]:
    """Creates the key of this body, as of `POST /api/keys`."""

    async def add(admin: KeyAdministration) -> IssuedKey:
        try:
            request = read_create_request(body, admin.registry)
        except InvalidInput as error:
            raise InvalidArgument("\n".join(fault.message for fault in error.faults)) from error
        return await admin.create(request)

    return add


async def all_keys(admin: KeyAdministration) -> Sequence[ApiKey]:
    """All keys, newest first."""
    return [*reversed(await admin.store.all())]


def import_keys_of(file: Path) -> Act[ImportReport]:
    """Stores the keys of a file whose ids are not stored yet."""

    async def import_them(admin: KeyAdministration) -> ImportReport:
        keys = {key.id: key for key in await asyncio.to_thread(read_keys, file)}
        stored = {key.id: key for key in await admin.store.all() if key.id in keys}
        if await import_keys((key for key_id, key in keys.items() if key_id not in stored), admin.store, COMMAND):
            await admin.announce()
        return ImportReport(
            new=[key_id for key_id in keys if key_id not in stored],
            known=[key_id for key_id, key in stored.items() if key.revoked_at is None],
            revoked=[key_id for key_id, key in stored.items() if key.revoked_at is not None],
        )

    return import_them


def expiry(text: str) -> str:
    """The time that `--expires` means, in ISO 8601: it is given as such, as a day in UTC, or as a time from now.

    Raises:
        InvalidArgument: it is none of these.
    """
    if parsed := _DURATION.fullmatch(text):
        return (datetime.now(UTC) + timedelta(**{_UNITS[parsed[2]]: int(parsed[1])})).isoformat()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidArgument(
            f"--expires {text[:100]!r}: expected a date or time such as 2027-01-31, or from now, such as 90d or 12h"
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()


def rates_body(requests: int | None, images: int | None) -> JsonValue:
    """The member `rates` of a body; None if no rate is given."""
    if requests is None and images is None:
        return None
    return {"requestsPerMinute": requests, "imagesPerMinute": images}


async def _administer(settings: Settings, act: Act[T]) -> T:
    registry = await asyncio.to_thread(load_registry, settings.service.catalog_files)
    async with open_stores(settings.mongodb) as stores:
        admin = KeyAdministration(
            store=stores.api_keys,
            audit=stores.audit,
            registry=registry,
            actor=COMMAND,
            own_key=None,
            announce=partial(_announce, settings.nats),
        )
        return await act(admin)


def _joined(settings: Settings) -> Settings:
    """The settings with the servers of the local stack, if it runs. Only MongoDB must be known."""
    try:
        return join_local_stack(settings)
    except LocalServerError:
        if settings.mongodb.url is None:
            raise
        return settings


async def _announce(settings: NatsSettings) -> None:
    """Tell running processes, which otherwise see the change within ten seconds."""
    if settings.url is not None:
        with suppress(QueueUnavailable):
            await announce_change(settings, Changed.KEYS)
