"""The checks of `imagegen doctor`: does every configured server answer, and does it allow what jobs need?

They leave nothing behind but the indexes, the stream and the consumer that a start creates too.
"""

import asyncio
import secrets
import shutil
import stat
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from http import HTTPStatus
from pathlib import Path
from typing import Final

import aiohttp
from yarl import URL

from imagegen.clock import now
from imagegen.errors import DatabaseUnavailable, ImagegenError, ProviderError, StartupError, Unavailable
from imagegen.fal import FalClient
from imagegen.keys import ApiKey, read_keys
from imagegen.local import data_directory
from imagegen.net.http import MAX_ERROR_BYTES, Request, Sender, client_timeout, fetch
from imagegen.net.pool import open_pool
from imagegen.queue import open_queue
from imagegen.registry import load_registry
from imagegen.settings import Environment, Settings
from imagegen.storage.images.store import open_images
from imagegen.storage.stores import open_stores

_CONNECTIONS: Final = 8
_TIMEOUT: Final = 20.0  # seconds for each check
_LINK_LIMIT: Final = timedelta(seconds=5)
_PROBE: Final = b"imagegen doctor was here, and may be deleted."


class Result(StrEnum):
    """What a finding means."""

    OK = "ok"
    NOTE = "note"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """A line of the report: the result, what was checked, and a sentence about it."""

    result: Result
    check: str
    message: str


async def run_checks(settings: Settings) -> tuple[Finding, ...]:
    """Run all checks at once. The message of a fault says what to fix; no message has a secret in it."""
    checks: dict[str, Callable[[Settings], Awaitable[Finding]]] = {
        "MongoDB": _mongodb,
        "S3": _s3,
        "NATS": _nats,
        "fal.ai": _fal,
        "catalog": _catalog,
        "API keys": _keys,
        "data directory": _data_directory,
    }
    findings = await asyncio.gather(*(_run_check(name, check(settings)) for name, check in checks.items()))
    return (*findings, *(Finding(Result.NOTE, "settings", warning) for warning in settings.warnings))


async def _run_check(name: str, check: Awaitable[Finding]) -> Finding:
    try:
        async with asyncio.timeout(_TIMEOUT):
            return await check
    except TimeoutError:
        return Finding(Result.FAULT, name, f"no answer within {_TIMEOUT:.0f} s: is the address right, and open?")
    except Unavailable as error:
        return Finding(Result.FAULT, name, error.advice)
    except ImagegenError as error:
        return Finding(Result.FAULT, name, str(error).replace("\n", "; "))


async def _mongodb(settings: Settings) -> Finding:
    if settings.mongodb.url is None:
        return _not_configured("MongoDB", "MONGODB_URL")
    async with open_stores(settings.mongodb) as stores:
        await stores.jobs.check_transactions()
    return Finding(Result.OK, "MongoDB", "a replica set; a transaction was acknowledged by a majority")


async def _s3(settings: Settings) -> Finding:
    """Put, read, link, list and delete an object, as jobs do with images."""
    if settings.s3.bucket is None:
        return _not_configured("S3", "S3_BUCKET")
    key = f"imagegen-doctor/{secrets.token_hex(8)}.txt"
    async with (
        open_pool(_CONNECTIONS) as pool,
        open_images(settings.s3, settings.service, pool, frozenset()) as images,
    ):
        await images.bucket.check()  # first, because some stores create a missing bucket at the first write
        await images.bucket.check_read_write(key, _PROBE)
        try:
            problem = await _open_link(await images.url(key), pool)
        finally:
            await images.delete_prefix(key)
    if problem is None:
        return Finding(Result.OK, "S3", f"bucket {settings.s3.bucket}: put, get, list, link and delete work")
    is_for_browsers = settings.s3.presign_endpoint_url or settings.s3.public_url
    result, advice = (Result.NOTE, _link_advice(settings)) if is_for_browsers else (Result.FAULT, "S3_ENDPOINT_URL")
    return Finding(result, "S3", f"put, get, list and delete work, but a link does not open here ({problem}): {advice}")


def _link_advice(settings: Settings) -> str:
    variable = "S3_PUBLIC_URL" if settings.s3.public_url else "S3_PRESIGN_ENDPOINT_URL"
    return f"check that {variable} is right for browsers"


async def _open_link(url: str, sender: Sender) -> str | None:
    """Open a link as a browser would; None, or what is wrong."""
    request = Request(method="GET", url=URL(url, encoded=True), timeout=client_timeout(_LINK_LIMIT))
    try:
        answer = await fetch(sender, request, _LINK_LIMIT, MAX_ERROR_BYTES)
    except (aiohttp.ClientError, OSError) as error:
        return type(error).__name__
    return None if answer.status_code == HTTPStatus.OK and answer.content == _PROBE else f"HTTP {answer.status_code}"


async def _nats(settings: Settings) -> Finding:
    if settings.nats.url is None:
        return _not_configured("NATS", "NATS_URL")
    async with open_queue(settings.nats, settings.service.lease) as queue:
        await queue.stream.check()
    return Finding(Result.OK, "NATS", f"JetStream has stream {settings.nats.stream} and its consumer")


async def _fal(settings: Settings) -> Finding:
    """Ask for the status of a request that does not exist: this is free and needs a valid key."""
    if settings.fal.key is None:
        message = "FAL_KEY is not set: `imagegen serve` starts the sandbox, which draws images for free"
        return Finding(Result.NOTE, "fal.ai", message)
    async with open_pool(_CONNECTIONS) as pool:
        try:
            await FalClient(settings.fal, pool).check()
        except ProviderError as error:
            message = error.answer.message.removesuffix(".")
            return Finding(Result.FAULT, "fal.ai", f"{message}: {_fal_advice(error.answer.status)}")
    return Finding(Result.OK, "fal.ai", "the key is valid")


def _fal_advice(status: int | None) -> str:
    """What to check, by the HTTP status of fal's answer; None if there was no answer."""
    match status:
        case None:
            return "check this machine's DNS, proxy and firewall, and FAL_QUEUE_URL"
        case HTTPStatus.UNAUTHORIZED:
            return "check FAL_KEY: fal.ai does not know it, or it was revoked"
        case HTTPStatus.FORBIDDEN | HTTPStatus.PAYMENT_REQUIRED:
            return "check the account in fal.ai's dashboard, and what FAL_KEY may do"
        case _:
            return "fal.ai, or the server that FAL_QUEUE_URL names, has trouble: try again, and check status.fal.ai"


async def _catalog(settings: Settings) -> Finding:
    registry = await asyncio.to_thread(load_registry, settings.service.catalog_files, settings.service.offered_models)
    return Finding(Result.OK, "catalog", f"{len(registry.models)} models")


async def _keys(settings: Settings) -> Finding:
    if settings.mongodb.url is None:
        return Finding(Result.NOTE, "API keys", "in the local MongoDB of `imagegen serve`: `imagegen keys list`")
    try:
        async with open_stores(settings.mongodb) as stores:
            keys, is_imported = await stores.api_keys.all(), await stores.api_keys.is_imported()
    except (DatabaseUnavailable, StartupError):
        return Finding(Result.NOTE, "API keys", "not checked: they are in MongoDB")
    if settings.auth.api_keys_file is not None and not is_imported:
        return await asyncio.to_thread(_check_keys_file, settings.auth.api_keys_file)
    return _check_stored_keys(keys, settings)


def _check_stored_keys(keys: Sequence[ApiKey], settings: Settings) -> Finding:
    if settings.auth.allow_anonymous:
        return Finding(Result.NOTE, "API keys", "IMAGEGEN_ALLOW_ANONYMOUS admits every caller that reaches the port")
    valid = sum(key.is_valid(now()) for key in keys)
    if valid:
        return Finding(Result.OK, "API keys", f"{valid} valid")
    if keys or settings.service.env is Environment.PRODUCTION:
        message = "no key is valid, so every request is refused: `imagegen keys add NAME` makes one"
        return Finding(Result.FAULT, "API keys", message)
    return Finding(Result.NOTE, "API keys", "none: only a service that listens on loopback answers without one")


def _check_keys_file(file: Path) -> Finding:
    count = len(read_keys(file))
    if stat.S_IMODE(file.stat().st_mode) & 0o077:
        return Finding(Result.FAULT, "API keys", f"others may read {file}: `chmod 600 {file}`")
    return Finding(Result.NOTE, "API keys", f"the next start imports the {count} of {file} into MongoDB")


async def _data_directory(settings: Settings) -> Finding:
    if not settings.unset_servers:
        return Finding(Result.OK, "data directory", "not needed: every server is configured")
    return await asyncio.to_thread(_check_directory, settings.service.data_dir.absolute())


def _check_directory(path: Path) -> Finding:
    """Whether the local servers can write their data there, and have room for it."""
    data_directory.make(path)
    if problem := data_directory.shortage(path):
        return Finding(Result.FAULT, "data directory", problem)
    free = shutil.disk_usage(path).free
    return Finding(Result.OK, "data directory", f"{path} is writable, {free >> 30} GiB are free")


def _not_configured(check: str, variable: str) -> Finding:
    return Finding(Result.NOTE, check, f"{variable} is not set: `imagegen serve` starts a local one")
