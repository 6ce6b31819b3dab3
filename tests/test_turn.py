"""A turn holds the lease while it works, stops when it is lost, and hands it back when it cannot end."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from jobs_apart import a_job, apart

from imagegen.errors import ObjectStoreUnavailable, StaleJob
from imagegen.jobs import Job, JobError, Lease
from imagegen.queue import Delivery
from imagegen.registry import load_registry
from imagegen.settings import Settings
from imagegen.turn import Postponed, Turn, take_turn, uptime
from imagegen.wiring import Services, now, open_services

LEASE = timedelta(seconds=0.6)
FOR_EVER = 60


@pytest.fixture(scope="module")
async def services(stack: Settings) -> AsyncGenerator[Services]:
    registry = await asyncio.to_thread(load_registry)
    async with open_services(apart(stack, lease=LEASE), registry) as opened:
        yield opened


class Claim:
    """A job under this process's lease, and the message that named it."""

    def __init__(self, services: Services, job: Job, delivery: Delivery) -> None:
        self.services, self.job, self.delivery, self.asked_at = services, job, delivery, uptime()

    def turn(self) -> AbstractAsyncContextManager[Turn]:
        return take_turn(self.job, self.services, self.delivery, self.asked_at)

    async def by_another(self) -> Job | None:
        return await self.services.jobs.claim(self.job.id, "another", timedelta(seconds=30))

    async def passes_to_another(self) -> None:
        await self.services.jobs.renew(self.job, timedelta(0))
        assert await self.by_another() is not None

    async def stored(self) -> Job:
        return await self.services.jobs.get(self.job.id)


@pytest.fixture
async def claim(services: Services) -> AsyncGenerator[Claim]:
    job, _ = await services.jobs.insert(a_job())
    await services.queue.publish(job)
    delivery = await services.queue.take(timedelta(seconds=3))
    claimed = await services.jobs.claim(job.id, services.runner, LEASE)
    assert delivery is not None
    assert claimed is not None
    yield Claim(services, claimed, delivery)
    await delivery.acknowledge()


async def test_the_lease_is_kept_for_as_long_as_the_body_runs(claim: Claim) -> None:
    async with claim.turn() as turn:
        await asyncio.sleep(2 * LEASE.total_seconds())
        refused = await claim.by_another()
        await turn.demand_the_lease()
        await turn.save(turn.job.submitting(now()))

    assert (refused, (await claim.stored()).submission.state) == (None, "submitting")
    assert await claim.services.queue.take(timedelta(seconds=0.1)) is None


async def test_a_body_whose_lease_is_lost_is_stopped(claim: Claim) -> None:
    async def body() -> None:
        async with claim.turn():
            await claim.passes_to_another()
            await asyncio.sleep(FOR_EVER)

    task = asyncio.create_task(body())
    await asyncio.wait({task}, timeout=3)

    assert task.done()
    assert isinstance(task.exception(), StaleJob)
    assert ((await claim.stored()).lease.runner, task.cancelling()) == ("another", 0)


async def test_a_process_that_ends_hands_the_job_and_its_message_back_at_once(claim: Claim) -> None:
    begun = asyncio.Event()

    async def body() -> None:
        async with claim.turn():
            begun.set()
            await asyncio.sleep(FOR_EVER)

    task = asyncio.create_task(body())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await claim.stored() == replace(claim.job, lease=Lease(epoch=1))
    again = await claim.services.queue.take(timedelta(seconds=0.3))
    assert again is not None
    await again.acknowledge()
    assert (again.job_id, await claim.by_another()) == (claim.job.id, await claim.stored())


@pytest.mark.parametrize("interruption", [Postponed("later", timedelta(seconds=1)), ObjectStoreUnavailable()], ids=type)
async def test_a_job_that_cannot_go_on_now_is_handed_back(claim: Claim, interruption: Exception) -> None:
    async def body() -> None:
        async with claim.turn() as turn:
            await turn.save(turn.job.submitting(now()))
            raise interruption

    with pytest.raises(type(interruption)):
        await body()

    assert (await claim.stored()).lease == Lease(epoch=1)


async def test_after_a_defect_the_lease_runs_out_by_itself_and_counts(claim: Claim) -> None:
    with pytest.raises(ZeroDivisionError):
        async with claim.turn():
            raise ZeroDivisionError

    assert (await claim.stored()).lease == claim.job.lease


async def test_the_end_of_a_job_is_the_end_of_its_heartbeat(claim: Claim) -> None:
    async with claim.turn() as turn:
        await turn.save(turn.job.failed(JobError(code="c", message="m"), now()))
        await asyncio.sleep(LEASE.total_seconds())

    assert (await claim.stored()).lease.until is None


async def test_a_process_that_was_suspended_does_not_pay(claim: Claim, monkeypatch: pytest.MonkeyPatch) -> None:
    async with claim.turn() as turn:
        await turn.demand_the_lease()
        monkeypatch.setattr("imagegen.turn.uptime", lambda: uptime() + LEASE.total_seconds())

        with pytest.raises(StaleJob):
            await turn.demand_the_lease()


async def test_a_claim_whose_answer_took_too_long_does_not_pay(claim: Claim) -> None:
    turn = Turn(claim.job, claim.services, claim.delivery, uptime() - LEASE.total_seconds())

    with pytest.raises(StaleJob):
        await turn.demand_the_lease()


async def test_the_moves_of_a_turn_are_announced(claim: Claim) -> None:
    with claim.services.queue.news.of(claim.job.id) as news:
        async with claim.turn() as turn:
            await turn.save(turn.job.submitting(now()))
        with suppress(TimeoutError):
            await asyncio.wait_for(news.wait(), timeout=3)

        assert news.is_set()
