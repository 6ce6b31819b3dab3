"""Requests that are repeated without a mark attach to the job whose outcome was lost, and to no other."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from imagegen.errors import DatabaseUnavailable
from imagegen.jobs import Job
from imagegen.keys import Caller
from imagegen.operations import repeats
from imagegen.operations.generate import Accepted, accept, new_job
from imagegen.operations.repeats import Wait, attach_or_accept, fingerprint_digest
from imagegen.services import Services
from imagegen.settings import Settings
from tests.support.service import FLUX, Json, Service, running

ROUTE = "POST /door"
CALLER = Caller()


def wait_of(services: Services, body: Json = FLUX, caller: Caller = CALLER) -> Wait:
    return Wait(fingerprint_digest(b"secret", caller, body["userId"], ROUTE, body), services)


def job_of(services: Services, body: Json = FLUX, key: str | None = None) -> Job:
    return new_job(services.registry.parse(body), services.registry, CALLER, idempotency_key=key)


async def send(services: Services, body: Json = FLUX, *, key: str | None = None) -> tuple[Accepted, Wait]:
    wait = wait_of(services, body)
    return await attach_or_accept(job_of(services, body, key), CALLER, services, wait), wait


async def stored(services: Services, job_id: str) -> dict[str, Any]:
    jobs: Any = services.fingerprints._jobs  # pyright: ignore[reportPrivateUsage] - the document as it is stored
    return await jobs.find_one({"_id": job_id})


async def erased(services: Services, job_id: str) -> None:
    async with asyncio.timeout(10):
        while "fingerprint" in await stored(services, job_id):
            await asyncio.sleep(0.01)


@pytest.fixture
async def service(own: Settings) -> AsyncGenerator[Service]:
    async with running(own, with_runner=False) as one:
        yield one


@asynccontextmanager
async def another(settings: Settings) -> AsyncGenerator[Services]:
    async with running(settings, with_runner=False) as one:
        yield one.services


async def test_repeat_of_a_lost_request_gets_its_job(service: Service) -> None:
    first, wait = await send(service.services)
    wait.lost()

    repeat, again = await send(service.services)
    again.lost()
    third, _ = await send(service.services)

    assert [repeat.job.id, third.job.id] == [first.job.id] * 2
    assert [first.replayed, repeat.replayed, third.replayed] == [False, True, True]


async def test_equal_requests_in_a_row_are_jobs_of_their_own(service: Service) -> None:
    jobs: list[str] = []
    for _ in range(3):
        accepted, wait = await send(service.services)
        wait.delivered()
        jobs.append(accepted.job.id)

    assert len(set(jobs)) == 3
    for job_id in jobs:
        await erased(service.services, job_id)


async def test_equal_requests_at_the_same_moment_are_jobs_of_their_own(service: Service) -> None:
    found = await asyncio.gather(*(send(service.services) for _ in range(10)))

    assert len({accepted.job.id for accepted, _ in found}) == 10


async def test_of_two_repeats_one_attaches(service: Service) -> None:
    first, wait = await send(service.services)
    wait.lost()

    found = await asyncio.gather(*(send(service.services) for _ in range(5)))

    ids = [accepted.job.id for accepted, _ in found]
    assert ids.count(first.job.id) == 1
    assert len(set(ids)) == 5


async def test_each_lost_wish_is_found_again(service: Service) -> None:
    lost = await asyncio.gather(*(send(service.services) for _ in range(3)))
    for _, wait in lost:
        wait.lost()

    found = await asyncio.gather(*(send(service.services) for _ in range(3)))

    assert {accepted.job.id for accepted, _ in found} == {accepted.job.id for accepted, _ in lost}


@pytest.mark.parametrize(
    "other",
    [
        {**FLUX, "userId": "other"},
        {**FLUX, "model": "flux-dev"},
        {**FLUX, "inputs": {"prompt": "Another"}},
        {**FLUX, "options": {"num_images": 2}},
        {**FLUX, "webhookUrl": "https://example.com/hook"},
    ],
)
async def test_other_requests_do_not_attach(service: Service, other: Json) -> None:
    first, wait = await send(service.services)
    wait.lost()

    assert (await send(service.services, other))[0].job.id != first.job.id


def test_digest_is_keyed_and_knows_no_order_of_members() -> None:
    turned = dict(reversed(FLUX.items()))
    digests = [
        fingerprint_digest(secret, CALLER, "user123", route, body)
        for secret, route, body in (
            (b"a", ROUTE, FLUX),
            (b"a", ROUTE, turned),
            (b"b", ROUTE, FLUX),
            (b"a", "POST /other", FLUX),
        )
    ]

    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


async def test_idempotency_key_alone_decides(service: Service) -> None:
    first, wait = await send(service.services, key="one")
    wait.lost()

    assert (await send(service.services, key="one"))[0].job.id == first.job.id
    assert (await send(service.services))[0].job.id != first.job.id
    assert "fingerprint" not in await stored(service.services, first.job.id)


async def test_job_is_lost_in_every_process(own: Settings, service: Service) -> None:
    async with another(own) as other:
        first, wait = await send(other)
        assert (await send(service.services))[0].job.id != first.job.id  # somebody waits for it there
        wait.lost()

        assert (await send(service.services))[0].job.id == first.job.id


async def test_process_that_has_ended_waits_for_nothing(own: Settings, service: Service) -> None:
    async with another(own) as other:
        first, _ = await send(other)

    assert (await send(service.services))[0].job.id == first.job.id


async def test_deleted_job_is_not_found_again(service: Service) -> None:
    first, wait = await send(service.services)
    wait.lost()
    assert (await service.client.post(f"/api/jobs/{first.job.id}/cancel")).is_success
    assert (await service.client.delete(f"/api/jobs/{first.job.id}")).is_success

    assert "fingerprint" not in await stored(service.services, first.job.id)
    assert (await send(service.services))[0].job.id != first.job.id


async def test_old_request_is_forgotten(service: Service) -> None:
    first, wait = await send(service.services)
    wait.lost()
    jobs: Any = service.services.fingerprints._jobs  # pyright: ignore[reportPrivateUsage]
    before = first.job.created_at - repeats.KNOWN_FOR - timedelta(minutes=1)
    await jobs.update_one({"_id": first.job.id}, {"$set": {"createdAt": before}})

    assert (await send(service.services))[0].job.id != first.job.id


async def test_delivered_request_is_waited_for_until_that_is_stored(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = 0
    erase = service.services.fingerprints.erase

    async def erase_late(own: Any) -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise DatabaseUnavailable
        await erase(own)

    monkeypatch.setattr(service.services.fingerprints, "erase", erase_late)
    monkeypatch.setattr(repeats, "_PAUSE", timedelta(milliseconds=50))
    first, wait = await send(service.services)
    wait.delivered()

    assert (await send(service.services))[0].job.id != first.job.id
    await erased(service.services, first.job.id)
    assert tries == 3


async def test_repeat_waits_for_a_slow_acceptance_that_nobody_waits_for(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = asyncio.Event()

    async def accept_slowly(*arguments: Any) -> Accepted:
        begun.set()
        await asyncio.sleep(0.3)
        return await accept(*arguments)

    monkeypatch.setattr(repeats, "accept", accept_slowly)
    wait = wait_of(service.services)
    first = asyncio.create_task(attach_or_accept(job_of(service.services), CALLER, service.services, wait))
    await begun.wait()
    wait.lost()

    repeat, _ = await send(service.services)

    assert repeat.job.id == (await first).job.id


async def test_refused_request_leaves_nothing(service: Service) -> None:
    wait = wait_of(service.services)
    wait.delivered()

    assert not await service.services.queue.waiters.is_waiting(wait.fingerprint.waiter)
