"""Helpers of the local stack's tests: settings, the process of a port, and whether a server works."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import aioboto3  # noqa: TID251 - asks the S3 server itself  # pyright: ignore[reportMissingTypeStubs] - none there
import httpx
import psutil
from botocore.config import Config  # noqa: TID251 - the same  # pyright: ignore[reportMissingTypeStubs] - the same
from pydantic import SecretStr
from pymongo import AsyncMongoClient  # noqa: TID251 - asks the MongoDB server itself

from imagegen.settings import FalSettings, MongoSettings, NatsSettings, S3Settings, ServiceSettings, Settings

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from types_aiobotocore_s3 import S3Client

SERVERS = ("fal", "mongodb", "s3", "nats")
NAMED = Settings(
    fal=FalSettings(key=SecretStr("id:secret")),
    mongodb=MongoSettings(url=SecretStr("mongodb://127.0.0.1:1")),
    s3=S3Settings(bucket="elsewhere"),
    nats=NatsSettings(url=SecretStr("nats://127.0.0.1:1")),
)


@dataclass(frozen=True, slots=True)
class Up:
    """A running stack, and the seconds that it took to start."""

    settings: Settings
    seconds: float

    @property
    def directory(self) -> Path:
        return self.settings.service.data_dir


def everything_unset(directory: Path) -> Settings:
    return Settings(service=ServiceSettings(data_dir=directory))


def only_unset(directory: Path, *groups: str) -> Settings:
    blank = everything_unset(directory)
    return NAMED.model_copy(update={group: getattr(blank, group) for group in ("service", *groups)})


def port_of(settings: Settings, server: str) -> int:
    mongodb, nats = settings.mongodb.url, settings.nats.url
    urls = {
        "fal": settings.fal.queue_url,
        "mongodb": mongodb.get_secret_value() if mongodb else None,
        "s3": settings.s3.endpoint_url,
        "nats": nats.get_secret_value() if nats else None,
    }
    return urlsplit(urls[server] or "").port or 0


def listener(port: int) -> psutil.Process | None:
    """The descendant of this process that listens on a port."""
    for process in psutil.Process().children(recursive=True):
        if port in {port for _, port in listening(process)}:
            return process
    return None


def listening(process: psutil.Process) -> list[tuple[str, int]]:
    """The hosts and ports on which a process listens."""
    try:
        found = process.net_connections("inet")
    except psutil.NoSuchProcess:
        return []
    return [(c.laddr.ip, c.laddr.port) for c in found if c.laddr and c.status == psutil.CONN_LISTEN]


def alive(process: psutil.Process) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def eventually(condition: Callable[[], bool], within: float = 30) -> None:
    async with asyncio.timeout(within):
        while not await asyncio.to_thread(condition):
            await asyncio.sleep(0.05)


async def works(settings: Settings, server: str) -> bool:
    """Whether a server works, tried once."""
    match server:
        case "fal":
            return await _fal_is_healthy(settings)
        case "mongodb":
            return await documents(settings, add=1) > 0
        case "s3":
            await put(settings, b"a picture")
            return await get(settings) == b"a picture"
        case _:
            return await _nats_has_jetstream(settings)


async def documents(settings: Settings, *, add: int = 0) -> int:
    """How many documents a collection has after this many were added."""
    assert settings.mongodb.url
    async with AsyncMongoClient[dict[str, object]](settings.mongodb.url.get_secret_value()) as client:
        for _ in range(add):
            await client.tests.kept.insert_one({})
        return await client.tests.kept.count_documents({})


async def put(settings: Settings, content: bytes) -> None:
    async with _s3(settings) as client:
        await client.put_object(Bucket="imagegen", Key="kept", Body=content)


async def get(settings: Settings) -> bytes:
    async with _s3(settings) as client:
        answer = await client.get_object(Bucket="imagegen", Key="kept")
        return await answer["Body"].read()  # pyright: ignore[reportUnknownMemberType] - a stub of aiohttp


async def link(settings: Settings) -> str:
    """A link to the stored object."""
    async with _s3(settings) as client:
        return await client.generate_presigned_url("get_object", Params={"Bucket": "imagegen", "Key": "kept"})


def _s3(settings: Settings) -> "AbstractAsyncContextManager[S3Client]":
    access_key, secret_key = settings.s3.access_key_id, settings.s3.secret_access_key
    assert access_key
    assert secret_key
    session = aioboto3.Session(access_key.get_secret_value(), secret_key.get_secret_value(), region_name="us-east-1")
    client = session.client(  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType] - no stubs
        "s3", endpoint_url=settings.s3.endpoint_url, config=Config(retries={"max_attempts": 0}, read_timeout=3)
    )
    return cast("AbstractAsyncContextManager[S3Client]", client)


async def _fal_is_healthy(settings: Settings) -> bool:
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.get(f"{settings.fal.queue_url}/_sandbox/health")).is_success


async def _nats_has_jetstream(settings: Settings) -> bool:
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(settings, "nats"))
    try:
        return b'"jetstream":true' in await reader.readline()
    finally:
        writer.close()
