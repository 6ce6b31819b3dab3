"""Indexes are created at start, also in a database that already has many jobs."""

from datetime import timedelta
from uuid import uuid4

from pymongo import AsyncMongoClient  # noqa: TID251 - fills a collection faster than jobs can be accepted

from imagegen.settings import Settings
from imagegen.storage.stores import open_stores

MANY = 40_000


async def test_start_waits_for_slow_index_creation(stack: Settings) -> None:
    assert stack.mongodb.url is not None
    database = f"many-{uuid4().hex[:12]}"
    async with AsyncMongoClient[dict[str, object]](stack.mongodb.url.get_secret_value()) as client:
        jobs = client[database]["jobs"]
        await jobs.insert_many(
            {"_id": str(number), "userId": f"user{number % 977}", "status": "completed", "model": str(number * 7919)}
            for number in range(MANY)
        )
        async with open_stores(
            stack.mongodb.model_copy(update={"database": database}), limit=timedelta(milliseconds=400)
        ):
            names = await jobs.index_information()
        await client.drop_database(database)

    assert {"idempotency", "requestId", "userId_1__id_-1"} <= names.keys()
