"""Reconciliation: every job that the queue has lost is queued again, once."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from datetime import timedelta

import nats  # noqa: TID251 - loses the stream behind the queue's back
import pytest

from imagegen.clock import now
from imagegen.engine.worker import reconcile, working
from imagegen.jobs import Job, JobError, ProviderRequest, ProviderResult
from imagegen.queue.lanes import OPEN
from imagegen.registry import load_registry
from imagegen.services import Services, open_services
from imagegen.settings import Settings
from tests.support.jobs_apart import a_job, apart

LONG_AGO = timedelta(minutes=1)


@pytest.fixture
def settings(stack: Settings) -> Settings:
    return apart(stack)


@pytest.fixture
async def processes(settings: Settings) -> AsyncGenerator[list[Services]]:
    """The services of two processes that share their servers; neither runs jobs."""
    registry = await asyncio.to_thread(load_registry)
    async with AsyncExitStack() as opened:
        yield [await opened.enter_async_context(open_services(settings, registry)) for _ in range(2)]


@pytest.fixture
def services(processes: list[Services]) -> Services:
    return processes[0]


async def delete_stream(settings: Settings) -> None:
    assert settings.nats.url is not None
    client = await nats.connect(settings.nats.url.get_secret_value())  # pyright: ignore[reportUnknownMemberType] - its **options
    await client.jetstream().delete_stream(settings.nats.stream)  # pyright: ignore[reportUnknownMemberType] - its **options
    await client.close()


async def stored(services: Services, *, age: timedelta = LONG_AGO) -> Job:
    job, _ = await services.jobs.insert(a_job(age=age))
    await services.queue.publish(job)
    return job


async def all_messages(services: Services) -> list[str]:
    """The ids of all messages that can be taken; every lane is asked at least every two seconds."""
    ids: list[str] = []
    while (message := await services.queue.take(timedelta(seconds=2.5))) is not None:
        ids.append(message.job_id)
    return ids


async def test_queued_leased_ended_and_new_jobs_are_left_alone(services: Services) -> None:
    queued, held, ended = [await stored(services) for _ in range(3)]
    await services.jobs.insert(a_job())
    assert await services.jobs.claim(held.id, "runner", timedelta(seconds=30))
    claim = await services.jobs.claim(ended.id, "runner", timedelta(seconds=30))
    assert claim is not None
    await services.jobs.save(claim.failed(JobError(code="c", message="m"), now()))

    assert await reconcile(services, timedelta(seconds=10)) == 0
    assert await all_messages(services) == [queued.id, held.id, ended.id]


async def test_unfinished_jobs_of_a_lost_stream_are_queued_again_once(
    settings: Settings, processes: list[Services], services: Services
) -> None:
    unfinished = [await stored(services) for _ in range(40)]
    ended = await stored(services)
    claim = await services.jobs.claim(ended.id, "runner", timedelta(seconds=30))
    assert claim is not None
    await services.jobs.save(claim.failed(JobError(code="c", message="m"), now()))
    await delete_stream(settings)

    found = await asyncio.gather(*(reconcile(process) for process in processes * 3))
    later = await reconcile(services)

    assert (sum(found), later) == (len(unfinished), 0)
    assert sorted(await all_messages(services)) == [job.id for job in unfinished]


async def test_submitted_jobs_are_queued_again_before_new_ones(settings: Settings, services: Services) -> None:
    new, made, open_at_fal = [await stored(services) for _ in range(3)]
    submitted = [await submitted_under_a_dead_runner(job, services) for job in (made, open_at_fal)]
    await services.jobs.save(submitted[0].with_result(ProviderResult(payload={}, images=(), billable_units=None)))
    await delete_stream(settings)
    await asyncio.sleep(0.6)

    await reconcile(services, timedelta(0))

    messages = await all_messages(services)
    assert ({*messages[:2]}, messages[2:]) == ({made.id, open_at_fal.id}, [new.id])


async def submitted_under_a_dead_runner(job: Job, services: Services) -> Job:
    claim = await services.jobs.claim(job.id, "dead", timedelta(seconds=0.5))
    assert claim is not None
    sent = await services.jobs.save(claim.submitting(now()))
    return await services.jobs.save(sent.submitted(provider_request(job)))


def provider_request(job: Job) -> ProviderRequest:
    url = "https://queue.fal.run/fal-ai/flux-pro/requests/"
    return ProviderRequest(request_id=job.id, status_url=f"{url}status", response_url=url, cancel_url=f"{url}cancel")


@pytest.mark.slow
async def test_stream_that_is_lost_twice_is_filled_twice(settings: Settings, services: Services) -> None:
    job = await stored(services)
    counts: list[int] = []
    for _ in range(2):
        await delete_stream(settings)
        counts.append(await reconcile(services, timedelta(0)))

    assert (counts, await all_messages(services)) == ([1, 1], [job.id])


async def test_job_of_a_dead_runner_is_queued_again_when_its_lease_expires(
    settings: Settings, services: Services
) -> None:
    job = await stored(services)
    assert await services.jobs.claim(job.id, "dead", timedelta(seconds=0.5))
    await delete_stream(settings)

    counts = [await reconcile(services, timedelta(0))]
    await asyncio.sleep(0.6)
    counts.append(await reconcile(services, timedelta(0)))

    assert (counts, await all_messages(services)) == ([0, 1], [job.id])


async def test_job_that_is_just_being_queued_raises_no_alarm(
    services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    new, _ = await services.jobs.insert(a_job())
    reconciling = asyncio.create_task(reconcile(services, timedelta(0)))
    await asyncio.sleep(0.5)
    await services.queue.publish(new)

    assert (await reconciling, caplog.messages, await all_messages(services)) == (0, [], [new.id])


async def test_job_queued_again_by_another_process_raises_no_alarm(
    processes: list[Services], caplog: pytest.LogCaptureFixture
) -> None:
    one, other = processes
    lost, _ = await one.jobs.insert(a_job(age=LONG_AGO))
    reconciling = asyncio.create_task(reconcile(one, timedelta(0)))
    await asyncio.sleep(0.5)
    generation = await other.queue_state.bump_generation(lost.id, lost.generation)
    assert generation is not None

    assert (await reconciling, caplog.messages, await all_messages(one)) == (0, [], [])


async def test_unreadable_job_does_not_keep_others_from_being_queued(services: Services) -> None:
    poison, _ = await services.jobs.insert(a_job(age=LONG_AGO))
    await services.jobs._jobs.update_one({"_id": poison.id}, {"$set": {"priority": "of the future"}})  # pyright: ignore[reportPrivateUsage] - as another version stored it
    lost, _ = await services.jobs.insert(a_job(age=LONG_AGO))

    assert (await reconcile(services), await all_messages(services)) == (1, [lost.id])


async def test_loop_stops_with_the_process_at_any_moment(services: Services) -> None:
    for number in range(100):
        services.stopping.clear()
        async with asyncio.timeout(8):
            async with working(services):
                await asyncio.sleep(number / 5000)
                await services.queue.hint(OPEN)  # so that the loop wakes at the moment of its cancellation
