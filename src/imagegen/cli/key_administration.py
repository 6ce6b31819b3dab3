"""What `imagegen keys` does."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar

from pydantic import JsonValue

from imagegen.cli import administration
from imagegen.cli.administration import Announce
from imagegen.cli.errors import InvalidArgument
from imagegen.keys import ApiKey, read_keys
from imagegen.operations.first_keys import import_keys
from imagegen.operations.key_administration import COMMAND, IssuedKey, KeyAdministration
from imagegen.operations.key_requests import read_change_request, read_create_request
from imagegen.queue import Changed
from imagegen.registry import Registry
from imagegen.settings import Settings
from imagegen.storage.stores import Stores

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
    return administration.administer(Changed.KEYS, _administration, act)


def add_key(body: JsonValue) -> Act[IssuedKey]:
    """Creates the key of this body, as of `POST /api/keys`."""

    async def add(admin: KeyAdministration) -> IssuedKey:
        return await admin.create(read_create_request(body, admin.registry))

    return add


def change_key(key_id: str, body: JsonValue) -> Act[ApiKey]:
    """Changes a key, as `PATCH /api/keys/{keyId}`."""

    async def change(admin: KeyAdministration) -> ApiKey:
        return await admin.change(key_id, read_change_request(body, admin.registry))

    return change


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


def require_one_of(some: str, every: str, *, given: bool, all_of_them: bool) -> None:
    """Raise InvalidArgument if two options contradict each other."""
    if given and all_of_them:
        raise InvalidArgument(f"{some} and {every} contradict each other: give one of them")


def rates_body(requests: int | None, images: int | None, open_jobs: int | None) -> JsonValue:
    """The member `rates` of a body; None if no rate is given."""
    if requests is None and images is None and open_jobs is None:
        return None
    return {"requestsPerMinute": requests, "imagesPerMinute": images, "openJobs": open_jobs}


def _administration(stores: Stores, registry: Registry, _settings: Settings, announce: Announce) -> KeyAdministration:
    return KeyAdministration(
        store=stores.api_keys,
        audit=stores.audit,
        registry=registry,
        actor=COMMAND,
        own_key=None,
        announce=announce,
    )
