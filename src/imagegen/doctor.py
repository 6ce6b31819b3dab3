"""`imagegen doctor`: is every configured server there, and does it allow what jobs need? One line each.

It leaves nothing behind but the indexes, the stream and the consumer that a start makes too.
"""

import asyncio
import secrets
import shutil
import stat
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from pathlib import Path
from typing import Final

import httpx

from imagegen.errors import ImagegenError, ProviderError, Unavailable
from imagegen.fal import Fal
from imagegen.http import open_transport
from imagegen.keys import read_keys
from imagegen.queue import open_queue
from imagegen.registry import load_registry
from imagegen.settings import Environment, Settings
from imagegen.storage.images import open_images
from imagegen.storage.jobs import open_jobs

_CONNECTIONS: Final = 8
_PATIENCE: Final = 20.0
_SCANT: Final = 2**30
_PROBE: Final = b"imagegen doctor was here, and may be deleted."


class Verdict(StrEnum):
    """What a finding means."""

    GOOD = "ok"
    NOTE = "note"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report: what was looked at, and what is to be said of it."""

    verdict: Verdict
    subject: str
    words: str


async def examine(settings: Settings) -> tuple[Finding, ...]:
    """Look at everything, side by side; a fault says what to mend. No secret is in the words."""
    checks: dict[str, Callable[[Settings], Awaitable[Finding]]] = {
        "MongoDB": _mongodb,
        "S3": _s3,
        "NATS": _nats,
        "fal.ai": _fal,
        "catalog": _catalog,
        "API keys": _keys,
        "data directory": _data_directory,
    }
    found = await asyncio.gather(*(_finding(subject, check(settings)) for subject, check in checks.items()))
    return (*found, *(Finding(Verdict.NOTE, "settings", warning) for warning in settings.warnings))


async def _finding(subject: str, check: Awaitable[Finding]) -> Finding:
    try:
        async with asyncio.timeout(_PATIENCE):
            return await check
    except TimeoutError:
        return Finding(Verdict.FAULT, subject, f"no answer within {_PATIENCE:.0f} s: is the address right, and open?")
    except Unavailable as error:
        return Finding(Verdict.FAULT, subject, error.advice)
    except ImagegenError as error:
        return Finding(Verdict.FAULT, subject, str(error).replace("\n", "; "))


async def _mongodb(settings: Settings) -> Finding:
    if settings.mongodb.url is None:
        return _local("MongoDB", "MONGODB_URL")
    async with open_jobs(settings.mongodb) as jobs:
        await jobs.prove()
    return Finding(Verdict.GOOD, "MongoDB", "a replica set; a transaction was acknowledged by a majority")


async def _s3(settings: Settings) -> Finding:
    """Put, read, link, list and delete an object, as pictures are."""
    if settings.s3.bucket is None:
        return _local("S3", "S3_BUCKET")
    key = f"imagegen-doctor/{secrets.token_hex(8)}.txt"
    async with (
        open_transport(_CONNECTIONS) as transport,
        open_images(settings.s3, settings.service, transport, frozenset()) as images,
    ):
        await images.bucket.check()  # first, for some stores make a missing bucket at the first write
        await images.bucket.prove(key, _PROBE)
        try:
            link = await _follow(await images.url(key), transport)
        finally:
            await images.discard(key)
    if link is None:
        return Finding(Verdict.GOOD, "S3", f"bucket {settings.s3.bucket}: put, get, list, link and delete work")
    elsewhere = settings.s3.presign_endpoint_url or settings.s3.public_url
    verdict, variable = (Verdict.NOTE, _link_variable(settings)) if elsewhere else (Verdict.FAULT, "S3_ENDPOINT_URL")
    return Finding(verdict, "S3", f"put, get, list and delete work, but a link does not open here ({link}): {variable}")


def _link_variable(settings: Settings) -> str:
    name = "S3_PUBLIC_URL" if settings.s3.public_url else "S3_PRESIGN_ENDPOINT_URL"
    return f"see whether {name} is right for browsers"


async def _follow(url: str, transport: httpx.AsyncBaseTransport) -> str | None:
    """Open a link as a browser would; None, or what is wrong."""
    async with httpx.AsyncClient(transport=transport, timeout=5, trust_env=False) as client:
        try:
            answer = await client.get(url)
        except httpx.HTTPError as error:
            return type(error).__name__
    return None if answer.status_code == HTTPStatus.OK and answer.content == _PROBE else f"HTTP {answer.status_code}"


async def _nats(settings: Settings) -> Finding:
    if settings.nats.url is None:
        return _local("NATS", "NATS_URL")
    async with open_queue(settings.nats, settings.service.lease) as queue:
        await queue.stream.check()
    return Finding(Verdict.GOOD, "NATS", f"JetStream has stream {settings.nats.stream} and its consumer")


async def _fal(settings: Settings) -> Finding:
    """The status of a request that does not exist: free, and needs a valid key."""
    if settings.fal.key is None:
        return _local("fal.ai", "FAL_KEY")
    async with open_transport(_CONNECTIONS) as transport:
        try:
            await Fal(settings.fal, transport).check()
        except ProviderError as error:
            return Finding(Verdict.FAULT, "fal.ai", f"{error.answer.message}: {_look_at(error.answer.status)}")
    return Finding(Verdict.GOOD, "fal.ai", "the key is valid")


def _look_at(status: int | None) -> str:
    """What to look at, by the HTTP status that fal answered; None: there was no answer."""
    match status:
        case None:
            return "no answer came: look at this machine's DNS, proxy and firewall, and at FAL_QUEUE_URL"
        case HTTPStatus.UNAUTHORIZED:
            return "look at FAL_KEY: it is none of fal.ai's, or was revoked"
        case HTTPStatus.FORBIDDEN | HTTPStatus.PAYMENT_REQUIRED:
            return "look at the account in fal.ai's dashboard, and at what FAL_KEY may do"
        case _:
            return "fal.ai or what FAL_QUEUE_URL names has trouble: try again, and look at status.fal.ai"


async def _catalog(settings: Settings) -> Finding:
    registry = await asyncio.to_thread(load_registry, settings.service.catalog_files)
    return Finding(Verdict.GOOD, "catalog", f"{len(registry.models)} models")


async def _keys(settings: Settings) -> Finding:
    return await asyncio.to_thread(_look_at_keys, settings)


def _look_at_keys(settings: Settings) -> Finding:
    file = settings.doors.api_keys_file
    if file is None:
        return _without_keys(settings)
    ring = read_keys(file)
    if stat.S_IMODE(file.stat().st_mode) & 0o077:
        return Finding(Verdict.FAULT, "API keys", f"others may read {file}: `chmod 600 {file}`")
    if not ring.keys:
        return Finding(Verdict.FAULT, "API keys", f"{file} has none: `imagegen keys add NAME` makes one")
    return Finding(Verdict.GOOD, "API keys", f"{len(ring.keys)} in {file}")


def _without_keys(settings: Settings) -> Finding:
    if settings.doors.allow_anonymous:
        return Finding(Verdict.NOTE, "API keys", "IMAGEGEN_ALLOW_ANONYMOUS lets in whoever reaches the port")
    if settings.service.env is Environment.PRODUCTION:
        words = "`imagegen serve` needs IMAGEGEN_API_KEYS_FILE in production; `imagegen keys add NAME` makes a key"
        return Finding(Verdict.FAULT, "API keys", words)
    return Finding(Verdict.NOTE, "API keys", "none: the service listens on loopback only")


async def _data_directory(settings: Settings) -> Finding:
    if not settings.unset_servers:
        return Finding(Verdict.GOOD, "data directory", "not needed: every server is configured")
    return await asyncio.to_thread(_look_at_directory, settings.service.data_dir.absolute())


def _look_at_directory(directory: Path) -> Finding:
    """The local servers' data: writable, and room for it."""
    probe = directory / f".doctor-{secrets.token_hex(4)}"
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe.write_bytes(_PROBE)
        probe.unlink()
    except OSError as error:
        words = f"{directory} cannot be written ({error.strerror}): set IMAGEGEN_DATA_DIR to one that can"
        return Finding(Verdict.FAULT, "data directory", words)
    free = shutil.disk_usage(directory).free
    if free < _SCANT:
        return Finding(Verdict.FAULT, "data directory", f"{directory} has {free >> 20} MiB left: make room")
    return Finding(Verdict.GOOD, "data directory", f"{directory} is writable, {free >> 30} GiB are free")


def _local(subject: str, variable: str) -> Finding:
    return Finding(Verdict.NOTE, subject, f"{variable} is not set: `imagegen serve` starts a local one")
