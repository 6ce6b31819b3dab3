"""JetStream carries the ids of jobs; a message is removed only when its job has ended."""

# nats-py annotates its **options with nothing.
# pyright: reportUnknownMemberType=false

import asyncio
import socket
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

import nats  # noqa: TID251 - changes the stream behind the queue's back, as an operator does
import pytest
from nats.js import JetStreamContext  # noqa: TID251 - as above
from nats.js.api import ConsumerConfig, RetentionPolicy, StreamConfig  # noqa: TID251 - as above
from pydantic import JsonValue, SecretStr

from imagegen.errors import QueueUnavailable
from imagegen.jobs import Job, JobStatus, Priority
from imagegen.queue import Queue, QueuedJobIds, QueueMessage, open_queue
from imagegen.queue.lanes import FIRST, RETRY
from imagegen.queue.subscriptions import Subscription
from imagegen.settings import NatsSettings, Settings
from tests.support.door import door, through
from tests.support.jobs_apart import a_job, apart

NORMAL = FIRST[Priority.NORMAL]
LONG, SHORT = timedelta(seconds=30), timedelta(milliseconds=300)


@pytest.fixture
def settings(stack: Settings) -> NatsSettings:
    return apart(stack).nats


@pytest.fixture
async def jetstream(settings: NatsSettings) -> AsyncGenerator[JetStreamContext]:
    """An operator's own connection."""
    assert settings.url is not None
    client = await nats.connect(settings.url.get_secret_value())
    yield client.jetstream()
    await client.close()


@pytest.fixture
async def queue(settings: NatsSettings) -> AsyncGenerator[Queue]:
    async with open_queue(settings, LONG) as opened:
        yield opened


@pytest.fixture
async def job(queue: Queue) -> Job:
    """A queued job."""
    job = a_job()
    await queue.publish(job)
    return job


async def taken(queue: Queue, patience: timedelta = timedelta(seconds=3)) -> QueueMessage:
    message = await queue.take(patience)
    assert message is not None
    return message


async def until_empty(queue: Queue) -> None:
    """Wait until no job has a message; the server processes an acknowledgement a moment after it arrives."""
    async with asyncio.timeout(3):
        while (await queue.stream.queued()).all:
            await asyncio.sleep(0.01)


async def test_jobs_are_taken_in_queue_order(queue: Queue) -> None:
    jobs = [a_job() for _ in range(5)]
    for job in jobs:
        await queue.publish(job)

    assert [(await taken(queue)).job_id for _ in jobs] == [job.id for job in jobs]
    assert await queue.take(SHORT) is None


async def test_job_counts_as_queued_until_it_is_acknowledged(queue: Queue, job: Job) -> None:
    before = await queue.stream.queued()
    message = await taken(queue)
    meanwhile = await queue.stream.queued()
    await message.acknowledge()
    await until_empty(queue)

    there = QueuedJobIds(all=frozenset({job.id}), open=frozenset())
    assert (before, meanwhile) == (there, there)


async def test_all_of_thousands_of_queued_jobs_are_listed(queue: Queue) -> None:
    jobs = {f"{number:026}" for number in range(3_000)}
    await asyncio.gather(*(queue.publish_again(job_id, 0, NORMAL) for job_id in jobs))
    await queue.publish_open("1", "1")

    assert await queue.stream.queued() == QueuedJobIds(all=frozenset(jobs | {"1"}), open=frozenset({"1"}))


async def test_normal_job_overtakes_three_hundred_of_low_priority(queue: Queue) -> None:
    batch = [replace(a_job(user_id="batch"), priority=Priority.LOW) for _ in range(300)]
    await asyncio.gather(*(queue.publish(job, crowded=True) for job in batch))
    running = [await taken(queue) for _ in range(3)]
    person = a_job(user_id="person")
    await queue.publish(person)
    await asyncio.sleep(SHORT.total_seconds())  # a consumer learns of it a moment after the publisher

    assert ((await taken(queue)).job_id, [message.job_id for message in running]) == (
        person.id,
        [job.id for job in batch[:3]],
    )


async def test_job_does_not_wait_behind_a_thousand_of_another_user(queue: Queue) -> None:
    await asyncio.gather(*(queue.publish(a_job(user_id="many"), crowded=True) for _ in range(1000)))
    await taken(queue)
    one = a_job(user_id="one")
    await queue.publish(one)

    assert one.id in {(await taken(queue)).job_id for _ in range(2)}


async def test_requeued_open_job_comes_before_all_others(queue: Queue, job: Job) -> None:
    message = await taken(queue)
    await queue.publish(a_job())
    await message.requeue_open(job)
    await asyncio.sleep(SHORT.total_seconds())

    assert ((await taken(queue)).job_id, (await queue.stream.queued()).open) == (job.id, {job.id})


async def test_one_by_one_the_next_job_of_a_priority_waits_for_the_release(
    settings: NatsSettings,
) -> None:
    async with open_queue(settings, LONG, one_by_one=True) as queue:
        first, second = a_job(), a_job()
        low = replace(a_job(), priority=Priority.LOW)
        for job in (first, second, low):
            await queue.publish(job)
        waits = await taken(queue)
        overtakes = await taken(queue)
        blocked = await queue.take(SHORT)
        waits.release_priority()
        then = await taken(queue)

    assert (waits.job_id, overtakes.job_id, blocked, then.job_id) == (first.id, low.id, None, second.id)


async def test_message_of_an_older_version_is_delivered(settings: NatsSettings, jetstream: JetStreamContext) -> None:
    name, job = settings.stream, a_job()
    await jetstream.add_stream(
        StreamConfig(name=name, subjects=[f"{name}.jobs.*"], retention=RetentionPolicy.WORK_QUEUE)
    )
    await jetstream.add_consumer(name, ConsumerConfig(durable_name="runners", filter_subject=f"{name}.jobs.*"))
    await jetstream.publish(f"{name}.jobs.{job.id}", b"")
    async with open_queue(settings, LONG) as queue:
        before = (await queue.stream.queued()).all
        message = await taken(queue)
        await message.acknowledge()
        await until_empty(queue)

        assert (before, message.job_id) == ({job.id}, job.id)


async def test_two_processes_never_take_the_same_message(queue: Queue, settings: NatsSettings) -> None:
    async with open_queue(settings, LONG) as other:
        for _ in range(6):
            await queue.publish(a_job())
        messages = [await taken(runner) for runner in (queue, other) * 3]

    assert len({message.job_id for message in messages}) == 6


async def test_job_handed_back_is_delivered_again_after_the_delay(queue: Queue, job: Job) -> None:
    await (await taken(queue)).hand_back(timedelta(seconds=0.6))
    at_once = await queue.take(SHORT)
    later = await taken(queue)
    await later.hand_back(timedelta(0))

    assert (at_once, later.job_id, (await taken(queue, SHORT)).job_id) == (None, job.id, job.id)


async def test_held_job_moves_to_the_retry_lane(queue: Queue, job: Job) -> None:
    message = await taken(queue)
    message.mark_held(job)
    await message.hand_back(timedelta(0))
    again = await taken(queue)
    again.mark_held(job)
    await again.hand_back(timedelta(0))
    again.retry_done()

    assert (message.lane, again.lane, (await taken(queue)).lane) == (NORMAL, RETRY, RETRY)


async def test_held_jobs_and_new_jobs_take_turns(queue: Queue) -> None:
    for number in range(4):
        await queue.publish_due(f"held{number}", f"held{number}", timedelta(0))
    for number in range(4):
        await queue.publish_again(f"new{number}", 0, NORMAL)
    await asyncio.sleep(SHORT.total_seconds())

    messages = list[QueueMessage]()
    for _ in range(8):
        messages.append(message := await taken(queue))
        message.retry_done()

    assert [message.job_id for message in messages] == [f"{kind}{n}" for n in range(4) for kind in ("held", "new")]


async def test_retry_is_not_delivered_before_it_is_due(queue: Queue) -> None:
    await queue.publish_due("job", "job.1.again", timedelta(seconds=1))
    early = await queue.take(SHORT)

    assert (early, (await taken(queue)).job_id) == (None, "job")


async def test_repeated_publish_is_one_message_and_a_new_generation_another(queue: Queue, job: Job) -> None:
    await queue.publish(job)
    await queue.publish(job)
    await (await taken(queue)).acknowledge()
    repeated = await queue.take(SHORT)
    await queue.publish_again(job.id, job.generation + 1, NORMAL)

    assert (repeated, (await taken(queue)).job_id) == (None, job.id)


async def test_only_a_message_without_a_sign_of_work_is_delivered_again(settings: NatsSettings) -> None:
    async with open_queue(settings, timedelta(seconds=0.8)) as queue:
        await queue.publish(a_job())
        message = await taken(queue)
        for _ in range(3):
            assert await queue.take(timedelta(seconds=0.4)) is None
            await message.still_working()
        again = await taken(queue)

    assert again.job_id == message.job_id


async def test_redelivered_messages_follow_each_other_at_once(settings: NatsSettings) -> None:
    async with open_queue(settings, timedelta(seconds=0.8)) as queue:
        for _ in range(6):
            await queue.publish(a_job())
        first = {(await taken(queue)).job_id for _ in range(6)}
        await asyncio.sleep(1)
        async with asyncio.timeout(2.5):  # a full scan comes every 2 s
            again = {(await taken(queue)).job_id for _ in range(6)}

    assert again == first


async def test_event_wakes_waiters_for_the_job_in_any_process(queue: Queue, settings: NatsSettings) -> None:
    job = a_job()
    async with open_queue(settings, LONG) as other:
        with (
            queue.subscriptions.signal(job.id) as one,
            queue.subscriptions.signal(job.id) as two,
            queue.subscriptions.signal(a_job().id) as stranger,
        ):
            await other.announce(job)
            async with asyncio.timeout(3):
                await asyncio.gather(one.wait(), two.wait())

    assert not stranger.is_set()


async def test_event_wakes_waiters_for_the_batch_in_another_process(queue: Queue, settings: NatsSettings) -> None:
    async with open_queue(settings, LONG) as other:
        with other.subscriptions.signal("a batch") as wanted, other.subscriptions.signal("another") as stranger:
            await queue.announce(replace(a_job(), batch_id="a batch"))
            async with asyncio.timeout(3):
                await wanted.wait()

    assert not stranger.is_set()


async def test_other_processes_get_only_the_last_of_several_events(
    queue: Queue, settings: NatsSettings, job: Job
) -> None:
    transitions = [replace(job, version=version, status=JobStatus.RUNNING) for version in (2, 3, 4)]
    async with open_queue(settings, LONG) as other:
        with queue.subscriptions.subscribe(job.id) as here, other.subscriptions.subscribe(job.id) as there:
            for transition in transitions[:2]:
                await queue.announce(transition)
            await asyncio.sleep(SHORT.total_seconds())
            first = versions(there)
            await queue.announce(transitions[2])
            await queue.announce(replace(job, version=5, status=JobStatus.COMPLETED))
            await asyncio.sleep(SHORT.total_seconds())

            assert (first, versions(there), versions(here)) == ([3], [5], [2, 3, 4, 5])


def versions(subscription: Subscription) -> list[JsonValue]:
    return [event["version"] for event in subscription.take()]


async def test_process_gets_its_own_events_once_even_without_nats(settings: NatsSettings) -> None:
    assert settings.url is not None
    port = urlsplit(settings.url.get_secret_value()).port
    assert port is not None
    job = a_job()
    async with door(port) as to_nats:
        behind = settings.model_copy(update={"url": through(settings.url, to_nats.port)})
        async with open_queue(behind, LONG) as queue:
            with queue.subscriptions.subscribe(job.id) as subscription:
                await queue.announce(job, stage="there")
                await queue.stream.check()  # earlier events from the server have arrived by now
                await to_nats.shut()
                await queue.announce(job, stage="away")

                assert [event["stage"] for event in subscription.take()] == ["there", "away"]


async def test_silent_address_is_reported_within_the_patience() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    async with asyncio.timeout(3):
        with pytest.raises(QueueUnavailable):
            async with open_queue(NatsSettings(url=SecretStr(f"nats://127.0.0.1:{port}")), LONG, SHORT):
                pass


async def test_lost_stream_is_reported_and_created_again_by_prepare(
    queue: Queue, jetstream: JetStreamContext, settings: NatsSettings, job: Job
) -> None:
    await taken(queue)
    await jetstream.delete_stream(settings.stream)
    for verb in (queue.stream.check(), queue.publish(job), queue.stream.queued(), queue.take(SHORT)):
        with pytest.raises(QueueUnavailable):
            await verb

    await queue.stream.prepare()
    await queue.publish(job)

    assert (await taken(queue)).job_id == job.id


async def test_older_stream_is_updated_and_keeps_the_operators_settings(
    settings: NatsSettings, jetstream: JetStreamContext
) -> None:
    await jetstream.add_stream(
        StreamConfig(
            name=settings.stream,
            subjects=[f"{settings.stream}.old.*"],
            retention=RetentionPolicy.WORK_QUEUE,
            duplicate_window=5,
            max_bytes=10**7,
            description="Ours, and the operator's",
        )
    )
    for ack_wait in (timedelta(seconds=7), LONG):
        async with open_queue(settings, ack_wait) as queue:
            await queue.publish(a_job())
    stream = (await jetstream.stream_info(settings.stream)).config
    consumer = (await jetstream.consumer_info(settings.stream, "runners-normal")).config

    assert (stream.subjects, stream.duplicate_window, stream.max_bytes, stream.description, consumer.ack_wait) == (
        [f"{settings.stream}.jobs.>"],
        120,
        10**7,
        "Ours, and the operator's",
        30,
    )


async def test_stream_that_is_no_work_queue_is_refused(settings: NatsSettings, jetstream: JetStreamContext) -> None:
    await jetstream.add_stream(StreamConfig(name=settings.stream, retention=RetentionPolicy.LIMITS))

    with pytest.raises(QueueUnavailable):
        async with open_queue(settings, LONG):
            pass
