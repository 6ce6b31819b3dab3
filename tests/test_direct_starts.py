"""A job that need not wait starts in the process that accepts it, without a message; any other waits in its lane."""

# nats-py annotates its **options with nothing.
# pyright: reportUnknownMemberType=false

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import pytest

from imagegen.engine.runner import work
from imagegen.engine.worker import run_jobs
from imagegen.jobs import Job, Lease
from imagegen.keys import Caller
from imagegen.operations.generate import accept, new_job
from imagegen.queue import DirectStart, WorkSlot, WorkSlots
from imagegen.queue.lanes import LANES
from imagegen.services import Services
from imagegen.settings import Settings
from tests.support.jobs_apart import a_job, apart
from tests.support.messages import messages_ever
from tests.support.service import FLUX, ITEM, Json, Service, running

SLOW: Json = {"fault": "latency", "queue": 0, "generation": 1.5}
QUICK: Json = {"fault": "latency", "queue": 0, "generation": 0.05}


@pytest.fixture
def settings(stack: Settings) -> Settings:
    return apart(stack)


@asynccontextmanager
async def ready(settings: Settings, *, concurrency: int = 64, fal: int | None = None) -> AsyncGenerator[Service]:
    """A service whose lanes are known to be empty."""
    changes = {
        "service": settings.service.model_copy(update={"concurrency": concurrency}),
        "fal": settings.fal.model_copy(update={"concurrency": fal}),
    }
    async with running(settings.model_copy(update=changes)) as service:
        await until_known_empty(service)
        yield service


async def until_known_empty(service: Service) -> None:
    async with asyncio.timeout(30):
        while not service.services.queue.is_known_empty:
            await asyncio.sleep(0.01)


async def submitted(service: Service, count: int = 1) -> None:
    async with asyncio.timeout(30):
        while len(await service.sandbox.requests()) < count:
            await asyncio.sleep(0.02)


async def stored(service: Service, job_ids: Sequence[str]) -> list[Job]:
    return [await service.services.jobs.get(job_id) for job_id in job_ids]


async def test_job_runs_without_a_message(settings: Settings) -> None:
    async with ready(settings) as service:
        answer = await service.generate()
        job = await service.services.jobs.get(answer.json()["jobId"])

        assert (answer.status_code, answer.json()["status"]) == (200, "completed")
        assert (job.lease, await messages_ever(settings)) == (
            Lease(runner=service.services.runner, epoch=1, taken=1),
            0,
        )


async def test_concurrent_jobs_run_without_messages(settings: Settings) -> None:
    async with ready(settings) as service:
        await service.sandbox.misbehaves(QUICK)
        answers = await asyncio.gather(*(service.generate() for _ in range(20)))

        assert [answer.json()["status"] for answer in answers] == ["completed"] * 20
        assert (len(await service.sandbox.requests()), await messages_ever(settings)) == (20, 0)


async def test_job_waits_in_its_lane_while_every_work_slot_is_taken(settings: Settings) -> None:
    async with ready(settings, concurrency=2) as service:
        await service.sandbox.misbehaves(SLOW)
        job_ids = [await service.accept() for _ in range(4)]
        await submitted(service, 2)
        statuses = [job.status for job in await stored(service, job_ids)]
        messages = await service.services.queue.stream.queued()
        await service.sandbox.misbehaves(QUICK)
        ends = [(await service.ended(job_id))["status"] for job_id in job_ids]

        assert (statuses, ends) == (["running"] * 2 + ["queued"] * 2, ["completed"] * 4)
        assert messages.all.issuperset(job_ids[2:])
        assert job_ids[0] not in messages.all


async def test_work_slots_are_never_exceeded(settings: Settings) -> None:
    async with ready(settings, concurrency=3) as service:
        await service.sandbox.misbehaves({"fault": "latency", "queue": 0, "generation": 0.2})
        await asyncio.gather(*(service.generate({**FLUX, "userId": f"user{number}"}) for number in range(15)))
        requests = await service.sandbox.requests()

    changes = [(each["submitted_at"], 1) for each in requests] + [(each["completed_at"], -1) for each in requests]
    at_once = [sum(change for _, change in sorted(changes)[: end + 1]) for end in range(len(changes))]
    assert (len(requests), max(at_once)) == (15, 3)


async def test_newcomers_do_not_overtake_jobs_that_wait(settings: Settings) -> None:
    async with ready(settings, concurrency=1) as service:
        await service.sandbox.misbehaves(QUICK)
        job_ids = list[str]()
        for number in range(20):
            job_ids.append(await service.accept({**FLUX, "userId": f"user{number}"}))
            await asyncio.sleep(0.02 if number < 10 else 0.1)  # slots become free while others wait
        for job_id in job_ids:
            await service.ended(job_id, within=60)
        order = sorted(await stored(service, job_ids), key=lambda job: job.started_at or job.created_at)

    assert [job.id for job in order] == job_ids


async def test_request_starts_beside_a_batch_that_has_been_taken(settings: Settings) -> None:
    async with ready(settings) as service:
        await service.sandbox.misbehaves(SLOW)
        await service.batch(*[ITEM] * 5)
        await submitted(service, 5)
        await until_known_empty(service)
        before = await messages_ever(settings)
        await service.accept()
        await submitted(service, 6)

        assert await messages_ever(settings) == before


async def test_job_goes_on_when_its_client_disconnects(settings: Settings) -> None:
    async with ready(settings) as service:
        await service.sandbox.misbehaves(SLOW)
        request = asyncio.create_task(service.generate())
        await submitted(service)
        request.cancel()
        (job,) = (await service.client.get("/api/jobs")).json()["jobs"]

        assert (await service.ended(job["jobId"]))["status"] == "completed"
        assert await messages_ever(settings) == 0


async def test_replayed_request_gives_its_work_slot_back(settings: Settings) -> None:
    async with ready(settings, concurrency=2) as service:
        answers = [await service.generate(idempotency_key="one") for _ in range(3)]
        other = await service.generate()

        assert len({answer.json()["jobId"] for answer in answers}) == 1
        assert (other.status_code, await messages_ever(settings)) == (200, 0)


async def test_stopping_process_queues_a_job_that_is_open_at_fal(settings: Settings) -> None:
    async with ready(settings) as service:
        await service.sandbox.misbehaves(SLOW)
        job_id = await service.accept()
        await submitted(service)
        before = await messages_ever(settings)
    async with running(settings, with_runner=False) as service:
        (handed_back,) = await stored(service, [job_id])
        queued = await service.services.queue.stream.queued()
    async with running(settings) as service:
        job = await service.ended(job_id)

        assert (before, handed_back.lease, queued.open) == (0, Lease(epoch=1), {job_id})
        assert (job["status"], len(await service.sandbox.requests())) == ("completed", 1)


async def test_process_that_stops_at_once_queues_the_job(settings: Settings) -> None:
    """Also if the job's task has not taken its first step."""
    async with ready(settings) as service:
        services = service.services
        new = new_job(services.registry.parse(FLUX), services.registry, Caller(), idempotency_key=None)
        await accept(new, Caller(), services)
        services.stopping.set()
    async with running(settings) as service:
        job = await service.ended(new.id)

        assert (job["status"], len(await service.sandbox.requests())) == ("completed", 1)


async def test_held_job_is_queued_for_its_next_try(settings: Settings) -> None:
    async with ready(settings) as service:
        refused: Json = {"fault": "submit_status", "status": 429, "body": {"detail": "Slow"}, "times": 1}
        await service.sandbox.misbehaves(refused)
        answer = await service.generate()
        (job,) = await stored(service, [answer.json()["jobId"]])

        assert (answer.status_code, job.lease.epoch, await messages_ever(settings)) == (200, 2, 1)


async def test_job_that_waits_for_a_slot_at_fal_holds_the_next_ones_in_the_queue(settings: Settings) -> None:
    async with ready(settings, fal=1) as service:
        await service.sandbox.misbehaves(SLOW)
        job_ids = [await service.accept({**FLUX, "userId": "user0"})]
        await submitted(service)
        job_ids += [await service.accept({**FLUX, "userId": f"user{number}"}) for number in range(1, 5)]
        await asyncio.sleep(0.3)
        statuses = [job.status for job in await stored(service, job_ids)]
        requests = len(await service.sandbox.requests())
        await service.sandbox.misbehaves(QUICK)
        ends = [(await service.ended(job_id))["status"] for job_id in job_ids]

        assert (statuses, requests) == (["running"] * 2 + ["queued"] * 3, 1)
        assert ends == ["completed"] * 5


async def test_deadline_ends_a_job_that_waits_for_a_slot_at_fal_without_a_message(settings: Settings) -> None:
    async with ready(settings, fal=1) as service:
        await service.sandbox.misbehaves({"fault": "latency", "queue": 0, "generation": 4})
        await service.accept({**FLUX, "userId": "user0"})
        await submitted(service)
        job_id = await service.accept({**FLUX, "deadlineSeconds": 1})
        ended = await service.ended(job_id)
        (job,) = await stored(service, [job_id])

        assert (ended["error"]["code"], job.lease.epoch, await messages_ever(settings)) == ("deadline_exceeded", 1, 0)


@pytest.fixture
async def idle(settings: Settings) -> AsyncGenerator[Services]:
    """Services without a worker loop, whose lanes are known to be empty."""
    async with running(settings, with_runner=False) as service:
        assert await service.services.queue.take(timedelta(seconds=0.5)) is None
        yield service.services


def taking(begun: list[DirectStart]) -> Callable[[DirectStart], bool]:
    """A worker loop that takes every start, and runs none."""

    def take(start: DirectStart) -> bool:
        begun.append(start)
        return True

    return take


def a_request(services: Services) -> Job:
    return new_job(services.registry.parse(FLUX), services.registry, Caller(), idempotency_key=None)


async def is_queued(services: Services, job_id: str) -> bool:
    """Whether the job's message is the next one, and any runner can take it; then it is removed."""
    message = await services.queue.take(timedelta(seconds=3))
    assert message is not None
    await message.acknowledge()
    claim = await services.jobs.claim(job_id, "another", timedelta(seconds=30))
    return message.job_id == job_id and claim is not None


async def test_process_that_runs_no_jobs_starts_none(idle: Services) -> None:
    with idle.direct_starts.reserve(a_job()) as start:
        assert start is None


async def test_slot_is_free_again_after_a_failed_insert(idle: Services) -> None:
    slots = WorkSlots(1)
    with idle.direct_starts.running(slots, lambda _: True):
        with suppress(ZeroDivisionError), idle.direct_starts.reserve(a_job()) as start:
            assert (start is not None, slots.try_acquire()) == (True, None)
            raise ZeroDivisionError

        assert slots.try_acquire() is not None


@pytest.mark.parametrize("lane", LANES, ids=lambda lane: lane.name)
async def test_no_job_starts_while_any_lane_has_a_hint(idle: Services, lane: object) -> None:
    with idle.direct_starts.running(WorkSlots(1), lambda _: True):
        await idle.queue.hint(next(each for each in LANES if each is lane))

        with idle.direct_starts.reserve(a_job()) as start:
            assert start is None


async def test_job_is_queued_if_the_worker_loop_ends_during_its_insert(idle: Services) -> None:
    new = a_request(idle)
    slots, begun = WorkSlots(1), list[DirectStart]()
    with idle.direct_starts.running(slots, taking(begun)):
        accepting = asyncio.create_task(accept(new, Caller(), idle))
        while (slot := slots.try_acquire()) is not None:
            slot.release()
            await asyncio.sleep(0)
    accepted = await accepting

    assert (begun, accepted.queued, await is_queued(idle, new.id)) == ([], True, True)


async def test_job_that_the_worker_loop_does_not_take_is_queued(idle: Services) -> None:
    new, slots = a_request(idle), WorkSlots(1)
    with idle.direct_starts.running(slots, lambda _: False):
        accepted = await accept(new, Caller(), idle)

    assert (accepted.queued, slots.try_acquire() is not None, await is_queued(idle, new.id)) == (True, True, True)


class _Failing(DirectStart):
    """A job whose task fails, which ends the worker loop."""

    def retry_done(self) -> None:
        raise ZeroDivisionError


async def test_worker_loop_that_is_ending_takes_no_job(idle: Services) -> None:
    loop, taken = asyncio.create_task(run_jobs(idle)), list[bool]()
    first, second = [_Failing(a_job(), WorkSlot(WorkSlots(1)), idle.queue) for _ in range(2)]
    async with asyncio.timeout(30):
        while not idle.direct_starts.begin(first, first.job):
            await asyncio.sleep(0)
    (task,) = (each for each in asyncio.all_tasks() if each.get_name() == f"job {first.job_id}")
    # Called when the loop's group has failed with the task, and before the loop itself has ended.
    task.add_done_callback(lambda _: taken.append(idle.direct_starts.begin(second, second.job)))
    with pytest.raises(ExceptionGroup):
        await loop

    assert (taken, second.has_begun) == ([False], False)


async def test_start_leaves_its_job_to_the_process_that_took_its_lease(idle: Services, settings: Settings) -> None:
    """A message would only be handed back every few seconds, for as long as the other one runs the job."""
    begun = list[DirectStart]()
    with idle.direct_starts.running(WorkSlots(1), taking(begun)):
        job = (await accept(a_request(idle), Caller(), idle)).job
    await idle.jobs.renew(job, timedelta(0))
    other = await idle.jobs.claim(job.id, "another", timedelta(seconds=30))
    await work(begun[0], idle)

    assert other is not None
    assert (await idle.jobs.get(job.id), await messages_ever(settings)) == (other, 0)
