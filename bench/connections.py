"""What all references share: the route's body, and the connections, from the same variables as imagegen's."""

import argparse
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import aioboto3  # pyright: ignore[reportMissingTypeStubs] - only its S3 client has stubs
import uvicorn
from aiobotocore.config import AioConfig  # pyright: ignore[reportMissingTypeStubs] - as above
from fastapi import FastAPI
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection, AsyncIOMotorDatabase
from pydantic import BaseModel
from types_aiobotocore_s3 import S3Client

from imagegen.settings import MongoSettings, S3Settings, Settings

Database: TypeAlias = "AsyncIOMotorDatabase[dict[str, Any]]"


class Wanted(BaseModel):
    """The same body that imagegen takes."""

    inputs: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stores:
    """A collection, and a bucket."""

    jobs: "AsyncIOMotorCollection[dict[str, Any]]"
    s3: S3Client
    bucket: str


@asynccontextmanager
async def open_stores(settings: Settings, collection: str, pool: int) -> AsyncGenerator[Stores]:
    """Open one client of each for the life of the process, the S3 client with a pool of so many connections."""
    assert settings.s3.bucket
    async with database(settings.mongodb, settings.mongodb.database) as stored, s3_client(settings.s3, pool) as s3:
        yield Stores(stored[collection], s3, settings.s3.bucket)


@asynccontextmanager
async def database(settings: MongoSettings, name: str) -> AsyncGenerator[Database]:
    """Open a database and close it."""
    assert settings.url
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(settings.url.get_secret_value())
    try:
        yield client[name]
    finally:
        client.close()


def s3_client(settings: S3Settings, pool: int) -> "AbstractAsyncContextManager[S3Client]":
    """A client of aioboto3 as it comes, but for the size of its pool."""
    assert settings.access_key_id
    assert settings.secret_access_key
    session = aioboto3.Session(
        aws_access_key_id=settings.access_key_id.get_secret_value(),
        aws_secret_access_key=settings.secret_access_key.get_secret_value(),
        region_name=settings.region,
    )
    config = AioConfig(max_pool_connections=pool)
    client = session.client("s3", endpoint_url=settings.endpoint_url, config=config)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - no stubs
    return cast("AbstractAsyncContextManager[S3Client]", client)


def new_app(lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]]) -> FastAPI:
    """An app whose `/ready` says that the process responds."""
    app = FastAPI(lifespan=lifespan)

    @app.get("/ready")
    async def get_ready() -> str:  # pyright: ignore[reportUnusedFunction] - FastAPI calls it
        return "ready"

    return app


def serve(app: FastAPI) -> None:
    """Serve as imagegen is served: one process, uvloop, httptools, no access log."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    uvicorn.run(
        app, port=parser.parse_args().port, loop="uvloop", http="httptools", log_level="warning", access_log=False
    )
