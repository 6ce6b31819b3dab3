"""Statuses from memory: what is held, what is read, what is told. Pure: events and reads are the test's own."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from imagegen.clock import uptime
from imagegen.doors.fal.status_board import StatusBoard
from imagegen.errors import DatabaseUnavailable, JobDeleted, JobNotFound
from imagegen.jobs import FalCall, Job, JobError, JobStatus, ProviderResult, new_job_id
from imagegen.jobs.cost import Cost
from imagegen.keys import Caller, new_key
from imagegen.queue.subscriptions import JobSubscriptions

NOW = datetime(2026, 1, 2, tzinfo=UTC)
JOB = Job(
    id=new_job_id(NOW),
    user_id="ann",
    model="flux-pro",
    endpoint="fal-ai/flux-pro/v1.1",
    inputs={"prompt": "A fox"},
    options={},
    payload={},
    cost=Cost(cost_per_image=Decimal("0.05"), num_images=1),
    created_at=NOW,
    fal_call=FalCall(ignored=("strange",)),
)
RESULT = ProviderResult(images=(), billable_units=None, payload={"timings": {"inference": 1.5}})
DONE = replace(JOB, status=JobStatus.COMPLETED, version=5, result=RESULT)
FAILED = replace(JOB, status=JobStatus.FAILED, version=5, error=JobError(code="provider_rejected", message="It broke."))
ANYONE = Caller()
SOON = timedelta(seconds=0.05)


class World:
    """Stands for the services: the events, and the stored job with a count of its reads."""

    def __init__(self, stored: Job | Exception = JOB) -> None:
        self.stored, self.reads = stored, 0
        self.subscriptions = JobSubscriptions()
        self.services: Any = SimpleNamespace(
            queue=SimpleNamespace(subscriptions=self.subscriptions), jobs=self, stopping=asyncio.Event()
        )

    async def get(self, _job_id: str) -> Job:
        self.reads += 1
        await asyncio.sleep(0)
        if isinstance(self.stored, Exception):
            raise self.stored
        return self.stored

    def tell(self, **event: Any) -> None:
        self.subscriptions.dispatch(JOB.id, {"version": 2, "status": "running", **event})

    def end(self, job: Job) -> None:
        """As the process does that brings a job to its end."""
        self.subscriptions.ended(job)
        self.subscriptions.dispatch(JOB.id, {"version": job.version, "status": job.status.value})


class Clock:
    """The real one, or later."""

    later = 0.0

    def __call__(self) -> float:
        return uptime() + self.later


async def polled(board: StatusBoard, world: World, held: timedelta = SOON, caller: Caller = ANYONE) -> dict[str, Any]:
    entry = await board.poll(JOB.id, caller, world.services, held)
    return dict(entry.shape({}, with_logs=True))


async def test_polls_are_answered_from_memory() -> None:
    board, world = StatusBoard(), World()
    for _ in range(20):
        assert (await polled(board, world, timedelta(0)))["status"] == "IN_QUEUE"

    assert world.reads == 1


async def test_same_answer_is_held_and_the_first_is_not() -> None:
    board, world = StatusBoard(), World()
    began = uptime()
    await polled(board, world, timedelta(seconds=20))
    assert uptime() - began < 10

    began = uptime()
    await polled(board, world, timedelta(seconds=0.2))
    assert uptime() - began >= 0.2


POSITION: dict[str, Any] = {"stage": "in_queue", "queuePosition": 3}
WORKING: dict[str, Any] = {"stage": "in_progress", "queuePosition": None, "logs": []}
STORING: dict[str, Any] = {"stage": "storing", "stored": 1, "images": 2}


@pytest.mark.parametrize(
    ("happens", "expected"),
    [
        (POSITION, {"status": "IN_QUEUE", "queue_position": 3}),
        (WORKING, {"status": "IN_PROGRESS"}),
        (STORING, {"status": "IN_PROGRESS"}),
        (DONE, {"status": "COMPLETED", "metrics": {"inference_time": 1.5}}),
        (FAILED, {"error": "It broke.", "error_type": "internal_error"}),
    ],
    ids=["position", "in progress", "storing", "completed", "failed"],
)
async def test_change_ends_the_hold(happens: Job | dict[str, Any], expected: dict[str, Any]) -> None:
    board, world = StatusBoard(), World()
    await polled(board, world)
    waiting = asyncio.create_task(polled(board, world, timedelta(seconds=20)))
    await asyncio.sleep(0.02)
    if isinstance(happens, Job):
        world.end(happens)
    else:
        world.tell(**happens)

    async with asyncio.timeout(10):
        told = await waiting
    assert {**told, **expected} == told
    assert world.reads == 1


async def test_end_in_another_process_is_read_once() -> None:
    board, world = StatusBoard(), World()
    await polled(board, world)
    world.stored = DONE
    world.tell(status="completed")

    assert [(await polled(board, world))["status"] for _ in range(5)] == ["COMPLETED"] * 5
    assert world.reads == 2


async def test_job_is_read_again_after_a_while_because_events_get_lost() -> None:
    clock = Clock()
    board, world = StatusBoard(clock), World()
    await polled(board, world)
    world.stored = DONE
    clock.later = 6

    assert (await polled(board, world, timedelta(0)))["status"] == "COMPLETED"


async def test_lines_are_kept_from_the_submit_on_and_end_with_ours_first() -> None:
    board, world = StatusBoard(), World()
    board.begin(JOB, world.services, is_current=True)
    world.tell(stage="in_progress", logs=["step 1", "step 2"])

    lines = (await polled(board, world))["logs"]
    assert [(line["level"], line["message"], line["source"]) for line in lines] == [
        ("WARN", "flux-pro has no strange: ignored.", "USER"),
        ("INFO", "step 1", "USER"),
        ("INFO", "step 2", "USER"),
    ]


async def test_job_of_another_user_is_not_found_and_stays_unread() -> None:
    board, world = StatusBoard(), World()
    await polled(board, world)
    stranger = Caller(new_key("shop", NOW, users=("bob",))[0])

    with pytest.raises(JobNotFound):
        await polled(board, world, caller=stranger)


async def test_first_poll_after_a_submit_waits_for_more_than_the_submit_said_and_reads_nothing() -> None:
    board, world = StatusBoard(), World()
    board.begin(JOB, world.services, is_current=True)
    waiting = asyncio.create_task(polled(board, world, timedelta(seconds=20)))
    await asyncio.sleep(0.02)
    assert not waiting.done()
    world.tell(**WORKING)

    async with asyncio.timeout(10):
        assert (await waiting)["status"] == "IN_PROGRESS"
    assert world.reads == 0


async def test_job_that_may_have_ended_is_read_at_the_first_poll() -> None:
    board, world = StatusBoard(), World(DONE)
    board.begin(JOB, world.services, is_current=False)

    assert ((await polled(board, world))["status"], world.reads) == ("COMPLETED", 1)


@pytest.mark.parametrize("error", [JobNotFound(JOB.id), JobDeleted(JOB.id, "ann"), DatabaseUnavailable()])
async def test_unreadable_job_is_told(error: Exception) -> None:
    board, world = StatusBoard(), World(error)

    with pytest.raises(type(error)):
        await polled(board, world)


async def test_deleted_job_of_another_user_is_not_found() -> None:
    stranger = Caller(new_key("shop", NOW, users=("bob",))[0])

    with pytest.raises(JobNotFound):
        await polled(StatusBoard(), World(JobDeleted(JOB.id, "ann")), caller=stranger)


async def test_known_job_is_told_while_mongodb_is_away() -> None:
    clock = Clock()
    board, world = StatusBoard(clock), World()
    await polled(board, world)
    world.stored = DatabaseUnavailable()
    clock.later = 6

    assert (await polled(board, world, timedelta(0)))["status"] == "IN_QUEUE"


async def test_jobs_that_are_not_polled_for_are_forgotten() -> None:
    clock = Clock()
    board, world = StatusBoard(clock), World()
    await polled(board, world)
    assert world.subscriptions.has_subscribers(JOB.id, b"")
    clock.later = 61
    other = new_job_id(NOW + timedelta(seconds=1))
    board.begin(replace(JOB, id=other), world.services, is_current=True)

    assert not world.subscriptions.has_subscribers(JOB.id, b"")
    assert world.subscriptions.has_subscribers(other, b"")


async def test_changes_are_told_in_order_to_the_end() -> None:
    board, world = StatusBoard(), World()
    changes = board.changes(JOB.id, ANYONE, world.services, timedelta(seconds=0.05))
    first = await anext(changes)
    assert first is not None
    assert first.state == "IN_QUEUE"
    assert await anext(changes) is None  # nothing happened
    world.tell(stage="in_progress")
    assert (entry := await anext(changes)) is not None
    assert entry.state == "IN_PROGRESS"
    world.end(DONE)

    assert [each.state async for each in changes if each is not None] == ["COMPLETED"]
