"""A lease lasts while its job runs, stops the run when it is lost, and is handed back if the job cannot end."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from imagegen.clock import now, uptime
from imagegen.engine.interruptions import Postponed
from imagegen.engine.lease import JobLease, hold_lease
from imagegen.engine.leased_job import LeasedJob
from imagegen.errors import ObjectStoreUnavailable, StaleJob
from imagegen.jobs import Job, JobError, Lease
from imagegen.queue import QueueMessage
from imagegen.queue.lanes import OPEN
from imagegen.registry import load_registry
from imagegen.services import Services, open_services
from imagegen.settings import Settings
from tests.support.jobs_apart import a_job, apart

LEASE = timedelta(seconds=0.6)
FOREVER = 60


@pytest.fixture(scope="module")
async def services(stack: Settings) -> AsyncGenerator[Services]:
    registry = await asyncio.to_thread(load_registry)
    async with open_services(apart(stack, lease=LEASE), registry) as opened:
        yield opened


class Claim:
    """A job under this process's lease, and the message that named it."""

    def __init__(self, services: Services, job: Job, message: QueueMessage) -> None:
        self.services, self.job, self.message, self.requested_at = services, job, message, uptime()

    def held(self) -> AbstractAsyncContextManager[JobLease]:
        return hold_lease(self.job, self.services, self.message, self.requested_at)

    async def by_another_runner(self) -> Job | None:
        return await self.services.jobs.claim(self.job.id, "another", timedelta(seconds=30))

    async def pass_to_another_runner(self) -> None:
        await self.services.jobs.renew(self.job, timedelta(0))
        assert await self.by_another_runner() is not None

    async def stored(self) -> Job:
        return await self.services.jobs.get(self.job.id)


@pytest.fixture
async def claim(services: Services) -> AsyncGenerator[Claim]:
    job, _ = await services.jobs.insert(a_job())
    await services.queue.publish(job)
    message = await services.queue.take(timedelta(seconds=3))
    claimed = await services.jobs.claim(job.id, services.runner, LEASE)
    assert message is not None
    assert claimed is not None
    yield Claim(services, claimed, message)
    await message.acknowledge()


async def test_lease_is_renewed_while_the_body_runs(claim: Claim) -> None:
    async with claim.held() as lease:
        await asyncio.sleep(2 * LEASE.total_seconds())
        refused = await claim.by_another_runner()
        await lease.require()
        await lease.leased.save(lease.leased.job.submitting(now()))

    assert (refused, (await claim.stored()).submission.state) == (None, "submitting")
    assert await claim.services.queue.take(timedelta(seconds=0.1)) is None


async def test_body_is_stopped_when_the_lease_is_lost(claim: Claim) -> None:
    async def body() -> None:
        async with claim.held():
            await claim.pass_to_another_runner()
            await asyncio.sleep(FOREVER)

    task = asyncio.create_task(body())
    await asyncio.wait({task}, timeout=3)

    assert task.done()
    assert isinstance(task.exception(), StaleJob)
    assert ((await claim.stored()).lease.runner, task.cancelling()) == ("another", 0)


async def test_stopping_process_hands_job_and_message_back_at_once(claim: Claim) -> None:
    begun = asyncio.Event()

    async def body() -> None:
        async with claim.held():
            begun.set()
            await asyncio.sleep(FOREVER)

    task = asyncio.create_task(body())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await claim.stored() == replace(claim.job, lease=Lease(epoch=1))
    again = await claim.services.queue.take(timedelta(seconds=0.3))
    assert again is not None
    await again.acknowledge()
    assert (again.job_id, await claim.by_another_runner()) == (claim.job.id, await claim.stored())


async def test_stopping_process_queues_a_job_that_was_sent_before_new_ones(claim: Claim) -> None:
    """Also one that has no slot at fal any more: its own lane may wait for one."""
    sent = asyncio.Event()

    async def body() -> None:
        async with claim.held() as lease:
            await lease.leased.save(lease.leased.job.submitting(now()))
            await lease.leased.save(lease.leased.job.without_slot())
            sent.set()
            await asyncio.sleep(FOREVER)

    task = asyncio.create_task(body())
    await sent.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    queued = await claim.services.queue.stream.queued()
    again = await claim.services.queue.take(timedelta(seconds=3))
    assert again is not None
    await again.acknowledge()
    assert ((await claim.stored()).lease, queued.open, again.lane) == (Lease(epoch=1), {claim.job.id}, OPEN)


@pytest.mark.parametrize("interruption", [Postponed("later", timedelta(seconds=1)), ObjectStoreUnavailable()], ids=type)
async def test_interrupted_job_is_handed_back(claim: Claim, interruption: Exception) -> None:
    async def body() -> None:
        async with claim.held() as lease:
            await lease.leased.save(lease.leased.job.submitting(now()))
            raise interruption

    with pytest.raises(type(interruption)):
        await body()

    assert (await claim.stored()).lease == Lease(epoch=1)


async def test_lease_of_a_crashed_run_expires_by_itself_and_counts(claim: Claim) -> None:
    with pytest.raises(ZeroDivisionError):
        async with claim.held():
            raise ZeroDivisionError

    assert (await claim.stored()).lease == claim.job.lease


async def test_heartbeat_ends_with_the_job(claim: Claim) -> None:
    async with claim.held() as lease:
        await lease.leased.save(lease.leased.job.failed(JobError(code="c", message="m"), now()))
        await asyncio.sleep(LEASE.total_seconds())

    assert (await claim.stored()).lease.until is None


async def test_suspended_process_does_not_pay(claim: Claim, monkeypatch: pytest.MonkeyPatch) -> None:
    async with claim.held() as lease:
        await lease.require()
        monkeypatch.setattr("imagegen.engine.lease.uptime", lambda: uptime() + LEASE.total_seconds())

        with pytest.raises(StaleJob):
            await lease.require()


async def test_claim_with_a_late_response_does_not_pay(claim: Claim) -> None:
    leased, too_early = LeasedJob(claim.job, claim.services), uptime() - LEASE.total_seconds()
    lease = JobLease(leased, claim.message, claim.services.jobs, LEASE, too_early)

    with pytest.raises(StaleJob):
        await lease.require()


async def test_saved_transitions_are_announced(claim: Claim) -> None:
    with claim.services.queue.subscriptions.signal(claim.job.id) as changed:
        async with claim.held() as lease:
            await lease.leased.save(lease.leased.job.submitting(now()))
        with suppress(TimeoutError):
            await asyncio.wait_for(changed.wait(), timeout=3)

        assert changed.is_set()
