"""What becomes of an insert when MongoDB is down, or goes away in the middle of it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from door import Door, through
from jobs_apart import a_job, apart

from imagegen.errors import DatabaseUnavailable, JobNotFound
from imagegen.settings import MongoSettings, Settings
from imagegen.storage.acceptance import AcceptanceUnknown
from imagegen.storage.jobs import Jobs, open_jobs

PATIENCE = timedelta(seconds=1)
EVERY = 10**6
INSERT = b"\x02insert\x00"  # a command's first field is its name: here a BSON string


class BreakingDoor(Door):
    """A door that cuts the connections that inserts come over.

    Attributes:
        cuts: how many times it still does so; the driver tries again.
        lets_through: whether the insert reaches MongoDB and is answered before the connection is cut.
        then_shuts: whether it stays shut afterwards.
    """

    cuts = 0
    lets_through = True
    then_shuts = False

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        self._connections |= {writer, back}
        answers = asyncio.create_task(_copy(there, writer))
        with suppress(OSError):
            while request := await reader.read(65536):
                if self.cuts and INSERT in request:
                    answers.cancel()
                    await asyncio.wait({answers})
                    await self._cut(request, there, back)
                    writer.transport.abort()
                    break
                back.write(request)
        back.transport.abort()
        answers.cancel()

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
async def door(mongodb: MongoSettings) -> AsyncGenerator[BreakingDoor]:
    assert mongodb.url is not None
    port = urlsplit(mongodb.url.get_secret_value()).port
    assert port is not None
    door = BreakingDoor(port)
    await door.open()
    yield door
    await door.shut()


@pytest.fixture
async def jobs(door: Door, mongodb: MongoSettings) -> AsyncGenerator[Jobs]:
    url = through(mongodb.url, door.port)
    async with open_jobs(mongodb.model_copy(update={"url": url}), PATIENCE) as opened:
        yield opened


@pytest.fixture
async def straight(mongodb: MongoSettings) -> AsyncGenerator[Jobs]:
    """The same jobs, past the door."""
    async with open_jobs(mongodb) as opened:
        yield opened


async def test_while_mongodb_is_down_nothing_is_stored(door: BreakingDoor, jobs: Jobs, straight: Jobs) -> None:
    job = a_job()
    await door.shut()
    with pytest.raises(DatabaseUnavailable):
        await jobs.check()

    with pytest.raises(DatabaseUnavailable) as refused:
        await jobs.insert(job)

    assert not isinstance(refused.value, AcceptanceUnknown)
    with pytest.raises(JobNotFound):
        await straight.get(job.id)


async def test_a_service_does_not_start_without_mongodb(door: BreakingDoor, mongodb: MongoSettings) -> None:
    await door.shut()
    url = through(mongodb.url, door.port)

    with pytest.raises(DatabaseUnavailable):
        async with open_jobs(mongodb.model_copy(update={"url": url}), timedelta(milliseconds=200)):
            pass


@pytest.mark.parametrize("cuts", [1, EVERY])
async def test_an_insert_whose_answer_got_lost_is_found_to_be_stored(
    door: BreakingDoor, jobs: Jobs, straight: Jobs, cuts: int
) -> None:
    job = a_job(key=f"cut {cuts}")
    door.cuts = cuts

    outcome = await jobs.insert(job)

    assert (outcome, await straight.insert(job)) == ((job, False), (job, True))


@pytest.mark.parametrize(("lets_through", "then_shuts"), [(True, True), (False, False)], ids=["stored", "not stored"])
async def test_an_insert_that_nobody_can_tell_of_names_the_job(
    door: BreakingDoor, jobs: Jobs, straight: Jobs, lets_through: bool, then_shuts: bool
) -> None:
    job = a_job()
    door.cuts, door.lets_through, door.then_shuts = EVERY, lets_through, then_shuts

    with pytest.raises(AcceptanceUnknown) as unknown:
        await jobs.insert(job)

    assert unknown.value.job_id == job.id
    if lets_through:
        assert await straight.get(job.id) == job
    else:
        with pytest.raises(JobNotFound):
            await straight.get(job.id)
