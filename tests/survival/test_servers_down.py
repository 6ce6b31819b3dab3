"""The responses to callers, and the jobs, while a server is down."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from dirty_equals import IsPartialDict
from pydantic import SecretStr

from imagegen.engine.worker import reconcile
from imagegen.settings import Settings
from tests.support.door import Door, door, through
from tests.support.service import Sandbox, Service, running


@dataclass(frozen=True, slots=True)
class Doors:
    mongodb: Door
    s3: Door
    nats: Door


def port_of(address: SecretStr | str | None) -> int:
    assert address is not None
    port = urlsplit(address if isinstance(address, str) else address.get_secret_value()).port
    assert port is not None
    return port


@pytest.fixture
async def doors(own: Settings) -> AsyncGenerator[Doors]:
    async with (
        door(port_of(own.mongodb.url)) as mongodb,
        door(port_of(own.s3.endpoint_url)) as s3,
        door(port_of(own.nats.url)) as nats,
    ):
        yield Doors(mongodb, s3, nats)


@pytest.fixture
async def service(own: Settings, doors: Doors) -> AsyncGenerator[Service]:  # pyright: ignore[reportRedeclaration]
    """A service of this test's own, which reaches its servers through the doors."""
    mongodb = through(own.mongodb.url, doors.mongodb.port)
    behind_doors = own.model_copy(
        update={
            "mongodb": own.mongodb.model_copy(update={"url": mongodb}),
            "s3": own.s3.model_copy(update={"endpoint_url": f"http://127.0.0.1:{doors.s3.port}"}),
            "nats": own.nats.model_copy(update={"url": through(own.nats.url, doors.nats.port)}),
        }
    )
    async with running(behind_doors) as service:
        yield service


async def test_without_mongodb_requests_are_refused_with_retry_after(
    service: Service, doors: Doors, sandbox: Sandbox
) -> None:
    await doors.mongodb.shut()
    refused = await service.generate()
    await doors.mongodb.open()
    accepted = await service.generate()

    assert (refused.status_code, refused.headers["Retry-After"], refused.json()) == (
        503,
        "5",
        IsPartialDict(code="unavailable", retryable=True),
    )
    assert (accepted.status_code, len(await sandbox.requests())) == (200, 1)


@pytest.mark.slow
async def test_without_nats_a_job_is_accepted_and_run_later(service: Service, doors: Doors, sandbox: Sandbox) -> None:
    await doors.nats.shut()
    answer = await service.generate()
    await doors.nats.open()
    async with asyncio.timeout(30):
        while (await service.client.get("/health/ready")).status_code != 200:
            await asyncio.sleep(0.1)
    await reconcile(service.services, lost_after=timedelta(0))
    job = await service.ended(answer.json()["jobId"])

    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    assert (job["status"], len(await sandbox.requests())) == ("completed", 1)


@pytest.mark.slow
async def test_without_s3_nothing_is_submitted(service: Service, doors: Doors, sandbox: Sandbox) -> None:
    await doors.s3.shut()
    with pytest.raises(Exception):  # noqa: B017, PT011 - any error: from now on S3 counts as down
        await service.services.images.bucket.check()
    answer = await service.generate(prefer="wait=2")
    paid_meanwhile = len(await sandbox.requests())
    await doors.s3.open()
    job = await service.ended(answer.json()["jobId"])

    assert (answer.status_code, paid_meanwhile) == (202, 0)
    assert (job["status"], len(await sandbox.requests())) == ("completed", 1)


async def test_images_wait_for_s3_and_are_paid_once(service: Service, doors: Doors, sandbox: Sandbox) -> None:
    await sandbox.misbehaves({"fault": "latency", "generation": 0.8})
    job_id = await service.accept()
    async with asyncio.timeout(30):
        while not await sandbox.requests():
            await asyncio.sleep(0.02)
    await doors.s3.shut()
    async with asyncio.timeout(20):
        while (await service.services.jobs.get(job_id)).transfer.attempts == 0:
            await asyncio.sleep(0.05)
    recorded = await service.services.jobs.get(job_id)
    await doors.s3.open()
    job = await service.ended(job_id)

    assert (recorded.status, recorded.result is not None) == ("running", True)
    assert (job["status"], len(job["images"]), len(await sandbox.requests())) == ("completed", 1, 1)


@pytest.mark.parametrize("name", ["mongodb", "s3", "nats"])
async def test_service_is_not_ready_while_a_server_is_down(service: Service, doors: Doors, name: str) -> None:
    await getattr(doors, name).shut()
    answer = await service.client.get("/health/ready")
    await getattr(doors, name).open()

    servers = answer.json()["servers"]
    assert (answer.status_code, [server for server, state in servers.items() if state["status"] == "down"]) == (
        503,
        [name],
    )
