"""Indexes are made at the start, also of a process that is new to a database with many jobs."""

from datetime import timedelta
from uuid import uuid4

from pymongo import AsyncMongoClient  # noqa: TID251 - fills a collection faster than jobs can be accepted

from imagegen.settings import Settings
from imagegen.storage.jobs import open_jobs

MANY = 40_000


async def test_a_start_waits_for_indexes_that_take_longer_than_a_verb_may(stack: Settings) -> None:
    assert stack.mongodb.url is not None
    database = f"many-{uuid4().hex[:12]}"
    async with AsyncMongoClient[dict[str, object]](stack.mongodb.url.get_secret_value()) as client:
        jobs = client[database]["jobs"]
        await jobs.insert_many(
            {"_id": str(number), "userId": f"user{number % 977}", "status": "completed", "model": str(number * 7919)}
            for number in range(MANY)
        )
        async with open_jobs(
            stack.mongodb.model_copy(update={"database": database}), patience=timedelta(milliseconds=400)
        ):
            names = await jobs.index_information()
        await client.drop_database(database)

    assert {"idempotency", "requestId", "userId_1__id_-1"} <= names.keys()
