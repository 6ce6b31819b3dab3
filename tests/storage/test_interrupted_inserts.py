"""Inserting a job while MongoDB is down, or goes away during the insert."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from imagegen.clock import now
from imagegen.errors import DatabaseUnavailable, JobNotFound
from imagegen.settings import MongoSettings, Settings
from imagegen.storage.batches import Batch
from imagegen.storage.jobs.inserts import JobInsertUnknown
from imagegen.storage.jobs.store import Jobs
from imagegen.storage.stores import open_stores
from tests.support.door import Door, through
from tests.support.jobs_apart import a_job, apart

PATIENCE = timedelta(seconds=1)
EVERY = 10**6
# A command's first field is its name: here a BSON string, and an integer.
INSERT = b"\x02insert\x00"
UPDATE = b"\x02update\x00"
COMMIT = b"\x10commitTransaction\x00"


class CuttingProxy(Door):
    """A proxy that cuts the connections that carry a command.

    Attributes:
        command: the start of that command.
        cuts: how many times it still does so; the driver tries again.
        lets_through: whether the command reaches MongoDB and is answered before the connection is cut.
        then_shuts: whether it stays shut afterwards.
    """

    command = INSERT
    cuts = 0
    lets_through = True
    then_shuts = False

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        self._connections |= {writer, back}
        responses = asyncio.create_task(_copy(there, writer))
        with suppress(OSError):
            while request := await reader.read(65536):
                if self.cuts and self.command in request:
                    responses.cancel()
                    await asyncio.wait({responses})
                    await self._cut(request, there, back)
                    writer.transport.abort()
                    break
                back.write(request)
        back.transport.abort()
        responses.cancel()

    async def _cut(self, request: bytes, there: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        self.cuts -= 1
        if self.lets_through:
            back.write(request)
            assert await there.read(65536)
        if self.then_shuts:
            await self.shut()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(65536):
            writer.write(chunk)
    writer.transport.abort()


@pytest.fixture(scope="module")
def mongodb(stack: Settings) -> MongoSettings:
    return apart(stack).mongodb


@pytest.fixture
async def door(mongodb: MongoSettings) -> AsyncGenerator[CuttingProxy]:
    assert mongodb.url is not None
    port = urlsplit(mongodb.url.get_secret_value()).port
    assert port is not None
    door = CuttingProxy(port)
    await door.open()
    yield door
    await door.shut()


@pytest.fixture
async def jobs(door: Door, mongodb: MongoSettings) -> AsyncGenerator[Jobs]:
    url = through(mongodb.url, door.port)
    async with open_stores(mongodb.model_copy(update={"url": url}), PATIENCE) as stores:
        yield stores.jobs


@pytest.fixture
async def straight(mongodb: MongoSettings) -> AsyncGenerator[Jobs]:
    """The same jobs, not through the proxy."""
    async with open_stores(mongodb) as stores:
        yield stores.jobs


async def test_nothing_is_stored_while_mongodb_is_down(door: CuttingProxy, jobs: Jobs, straight: Jobs) -> None:
    job = a_job()
    await door.shut()
    with pytest.raises(DatabaseUnavailable):
        await jobs.check()

    with pytest.raises(DatabaseUnavailable) as refused:
        await jobs.insert(job)

    assert not isinstance(refused.value, JobInsertUnknown)
    with pytest.raises(JobNotFound):
        await straight.get(job.id)


async def test_service_does_not_start_without_mongodb(door: CuttingProxy, mongodb: MongoSettings) -> None:
    await door.shut()
    url = through(mongodb.url, door.port)

    with pytest.raises(DatabaseUnavailable):
        async with open_stores(mongodb.model_copy(update={"url": url}), timedelta(milliseconds=200)):
            pass


@pytest.mark.parametrize("cuts", [1, EVERY])
async def test_insert_without_acknowledgement_is_found_stored(
    door: CuttingProxy, jobs: Jobs, straight: Jobs, cuts: int
) -> None:
    job = a_job(key=f"cut {cuts}")
    door.cuts = cuts

    outcome = await jobs.insert(job)

    assert (outcome, await straight.insert(a_job(key=f"cut {cuts}"))) == ((job, False), (job, True))


@pytest.mark.parametrize("cuts", [1, EVERY])
async def test_leased_insert_without_acknowledgement_is_found_stored(
    door: CuttingProxy, jobs: Jobs, straight: Jobs, cuts: int
) -> None:
    job = a_job().started("runner", now())
    door.command, door.cuts = UPDATE, cuts

    stored, replayed = await jobs.insert(job, timedelta(seconds=30))

    assert (stored.id, stored.lease.runner, stored.lease.epoch, replayed) == (job.id, "runner", 1, False)
    assert (await straight.get(job.id)).lease.taken == 1


@pytest.mark.parametrize(("lets_through", "then_shuts"), [(True, True), (False, False)], ids=["stored", "not stored"])
async def test_insert_with_unknown_outcome_names_the_job(
    door: CuttingProxy, jobs: Jobs, straight: Jobs, lets_through: bool, then_shuts: bool
) -> None:
    job = a_job()
    door.cuts, door.lets_through, door.then_shuts = EVERY, lets_through, then_shuts

    with pytest.raises(JobInsertUnknown) as unknown:
        await jobs.insert(job)

    assert unknown.value.job_id == job.id
    if lets_through:
        assert await straight.get(job.id) == job
    else:
        with pytest.raises(JobNotFound):
            await straight.get(job.id)


async def test_batch_without_acknowledgement_is_found_stored(
    door: CuttingProxy, mongodb: MongoSettings, straight: Jobs
) -> None:
    batch_id = a_job().id
    job = replace(a_job(), batch_id=batch_id)
    batch = Batch(
        id=batch_id, user_id="user", job_ids=(job.id,), estimated_cost=job.cost.total_cost, created_at=job.created_at
    )
    async with open_stores(mongodb.model_copy(update={"url": through(mongodb.url, door.port)}), PATIENCE) as stores:
        door.command, door.cuts = COMMIT, 1
        outcome = await stores.batches.insert(batch, [job], now())

    assert (outcome, door.cuts, await straight.get(job.id)) == ((batch, False), 0, job)
