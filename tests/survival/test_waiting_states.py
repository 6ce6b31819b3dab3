"""What a job waits for before and beside its result: each wait is reported, ends, and can be ended."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from dirty_equals import IsPartialDict, IsStr

from imagegen.errors import ObjectStoreUnavailable
from imagegen.fal import FalTimeouts
from imagegen.settings import Settings
from tests.support.service import FLUX, Json, Sandbox, Service, running

pytestmark = pytest.mark.slow

SECOND = timedelta(seconds=1)
TAKES: Json = {"fault": "latency", "queue": 0, "generation": 0.1}
NO_STATUS: Json = {"fault": "any_answer", "on": ["status", "stream"], "status": 503, "body": "<html>"}
NO_CANCEL: Json = {"fault": "any_answer", "on": ["cancel"], "status": 503, "body": "<html>"}
NO_RESULT: Json = {"fault": "any_answer", "on": ["result"], "status": 503, "body": "<html>"}
LOST: Json = {"fault": "submit_drop", "when": "after_accepting"}
COMPLETED = IsPartialDict(status="completed", error=None, waitingFor=None)
_ERROR = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>"
DENIED = f"HTTP/1.1 403 Forbidden\r\nContent-Length: {len(_ERROR)}\r\nConnection: close\r\n\r\n{_ERROR}".encode()
HASTY = FalTimeouts(status_unreadable=SECOND, first_poll=SECOND / 5, max_poll=SECOND / 2)


@asynccontextmanager
async def served(own: Settings, *, fal: Json | None = None, **limits: object) -> AsyncGenerator[Service]:
    service = own.service.model_copy(update={"lease": 3 * SECOND, **limits})
    settings = own.model_copy(update={"service": service, "fal": own.fal.model_copy(update=fal or {})})
    async with running(settings, fal_timeouts=HASTY) as opened:
        yield opened


async def waiting(service: Service, job_id: str, words: str, within: float = 15) -> str:
    """The job's `waitingFor`, once it has these words."""
    async with asyncio.timeout(within):
        while words not in ((job := await service.job(job_id))["waitingFor"] or ""):
            assert job["status"] in {"queued", "running"}, job
            await asyncio.sleep(0.05)
    return job["waitingFor"]


def failed(code: str, message: object = IsStr) -> IsPartialDict:
    return IsPartialDict(
        status="failed", error=IsPartialDict(code=code, message=message), cost=IsPartialDict(totalCost=0)
    )


async def test_unreadable_status_keeps_the_slot_until_its_horizon(own: Settings, sandbox: Sandbox) -> None:
    await sandbox.misbehaves(TAKES, NO_STATUS, NO_CANCEL, NO_RESULT)
    async with served(own, fal={"concurrency": 1, "status_horizon": 4 * SECOND}) as service:
        job_id = await service.accept()
        said = await waiting(service, job_id, "status of its request, which cannot be read")
        next_id = await service.accept()
        slot = await waiting(service, next_id, "a free slot at fal.ai")
        asked = await waiting(service, job_id, "the cancellation of its request")
        job = await service.ended(job_id)
        await sandbox.behaves()
        after = await service.ended(next_id)

    assert (said, slot) == (IsStr(regex=r".+503.+since 20\S+Z"), IsStr(regex=r".+FAL_CONCURRENCY.+since 20\S+Z"))
    assert (asked, job) == (
        IsStr(regex=".+whose status cannot be read.+"),
        failed("status_unreadable", IsStr(regex=".+503.+may have billed.+")),
    )
    assert (after, len(await sandbox.requests())) == (COMPLETED, 2)


async def test_readable_result_is_delivered_despite_an_unreadable_status(own: Settings, sandbox: Sandbox) -> None:
    await sandbox.misbehaves(TAKES, NO_STATUS)
    async with served(own, fal={"status_horizon": 2 * SECOND}) as service:
        job = await service.ended(await service.accept())

    assert (job, len(await sandbox.requests())) == (COMPLETED, 1)


async def test_job_continues_when_its_status_is_readable_again(own: Settings, sandbox: Sandbox) -> None:
    await sandbox.misbehaves({"fault": "latency", "generation": 8}, NO_STATUS)
    async with served(own) as service:
        job_id = await service.accept()
        await waiting(service, job_id, "which cannot be read")
        await sandbox.behaves()
        said = await waiting(service, job_id, "works on its request")
        job = await service.ended(job_id)

    assert (said, job) == (IsStr(regex=r"fal\.ai, which works on its request, since 20\S+Z"), COMPLETED)


@pytest.mark.parametrize("ended_by", ["cancel", "deadline"])
async def test_job_with_an_unreadable_status_can_be_cancelled_at_fal(
    own: Settings, sandbox: Sandbox, ended_by: str
) -> None:
    await sandbox.misbehaves({"fault": "latency", "queue": 60}, NO_STATUS)
    async with served(own) as service:
        job_id = await service.accept(FLUX if ended_by == "cancel" else {**FLUX, "deadlineSeconds": 4})
        await waiting(service, job_id, "which cannot be read")
        if ended_by == "cancel":
            await service.cancel(job_id)
        job = await service.ended(job_id, within=10)

    (request,) = await sandbox.requests()
    assert job == (IsPartialDict(status="cancelled") if ended_by == "cancel" else failed("deadline_exceeded"))
    assert request["error_type"] == "client_cancelled"


@pytest.mark.parametrize("ended_by", ["cancel", "deadline"])
async def test_job_with_a_lost_request_can_be_ended(own: Settings, sandbox: Sandbox, ended_by: str) -> None:
    await sandbox.misbehaves(TAKES, LOST, {"fault": "history_empty"})
    async with served(own) as service:
        job_id = await service.accept(FLUX if ended_by == "cancel" else {**FLUX, "deadlineSeconds": 3})
        said = await waiting(service, job_id, "whether fal.ai has its request")
        if ended_by == "cancel":
            await service.cancel(job_id)
        job = await service.ended(job_id, within=18)

    assert said == IsStr(regex=r"confirmation of .+, since 20\S+Z")
    assert job == (IsPartialDict(status="cancelled") if ended_by == "cancel" else failed("deadline_exceeded"))
    assert job["cost"]["providerNote"]
    assert len(await sandbox.requests()) == 1


class Guard:
    """A proxy in front of S3; while it `refuses`, it answers as S3 does if a policy denies access."""

    def __init__(self, port: int) -> None:
        self._behind, self.port, self._refuses = port, 0, False
        self._open: set[asyncio.StreamWriter] = set()

    def refuse(self, *, always: bool) -> None:
        """Refuse every request from now on, or none; open connections are closed."""
        self._refuses = always
        for writer in self._open:
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            if self._refuses:
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(DENIED.partition(b"<")[0] if head.startswith(b"HEAD") else DENIED)
                await writer.drain()
                writer.write_eof()
                await reader.read(-1)
            else:
                back, onward = await asyncio.open_connection("127.0.0.1", self._behind)
                self._open |= {writer, onward}
                await asyncio.wait(
                    [asyncio.create_task(_pipe(reader, onward)), asyncio.create_task(_pipe(back, writer))],
                    return_when=asyncio.FIRST_COMPLETED,
                )
                onward.close()
        writer.close()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


@pytest.fixture
async def guard(own: Settings) -> AsyncGenerator[Guard]:
    port = urlsplit(own.s3.endpoint_url or "").port
    assert port is not None
    guard = Guard(port)
    server = await asyncio.start_server(guard.serve, "127.0.0.1", 0)
    guard.port = server.sockets[0].getsockname()[1]
    yield guard
    server.close()


def behind(guard: Guard, own: Settings) -> Settings:
    return own.model_copy(update={"s3": own.s3.model_copy(update={"endpoint_url": f"http://127.0.0.1:{guard.port}"})})


async def test_refusing_s3_is_reported_before_the_submit_and_ends_the_job(
    own: Settings, sandbox: Sandbox, guard: Guard
) -> None:
    async with served(behind(guard, own), store_horizon=3 * SECOND) as service:
        guard.refuse(always=True)
        with pytest.raises(ObjectStoreUnavailable):
            await service.services.images.bucket.check()
        job_id = await service.accept()
        said = await waiting(service, job_id, "S3")
        job = await service.ended(job_id)

    assert said == IsStr(regex=r"S3 to be usable before .+: S3 refuses access to bucket .+, since 20\S+Z")
    assert (job, await sandbox.requests()) == (failed("storage_unavailable", IsStr(regex=".*refuses access.*")), [])


@pytest.mark.parametrize("end", ["cancel", "deadline", "horizon", "repair"])
async def test_images_refused_by_s3_are_reported_and_the_wait_can_be_ended(
    own: Settings, sandbox: Sandbox, guard: Guard, end: str
) -> None:
    await sandbox.misbehaves({"fault": "latency", "generation": 1})
    horizon = 2 * SECOND if end == "horizon" else 3600 * SECOND
    async with served(behind(guard, own), store_horizon=horizon) as service:
        job_id = await service.accept({**FLUX, "deadlineSeconds": 6} if end == "deadline" else FLUX)
        async with asyncio.timeout(30):
            while not await sandbox.requests():
                await asyncio.sleep(0.02)
        guard.refuse(always=True)
        said = await waiting(service, job_id, "images to be stored: S3")
        guard.refuse(always=end != "repair")
        if end == "cancel":
            await asyncio.sleep(1.5)
            await service.cancel(job_id)
        job = await service.ended(job_id, within=15)

    ends = {"deadline": failed("deadline_exceeded"), "horizon": failed("transfer_failed"), "repair": COMPLETED}
    assert said == IsStr(regex=r"its images to be stored: S3 refuses access to bucket .+AccessDenied.+, since 20\S+Z")
    assert job == ends.get(end, IsPartialDict(status="cancelled", cost=IsPartialDict(totalCost=0)))
    assert len(await sandbox.requests()) == 1
