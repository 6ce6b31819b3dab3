"""JetStream carries the ids of jobs; a message goes away only when its job has ended."""

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
from door import door, through
from jobs_apart import a_job, apart
from nats.js import JetStreamContext  # noqa: TID251 - as above
from nats.js.api import ConsumerConfig, RetentionPolicy, StreamConfig  # noqa: TID251 - as above
from pydantic import JsonValue, SecretStr

from imagegen.errors import QueueUnavailable
from imagegen.job_news import Listener
from imagegen.jobs import Job, JobStatus, Priority
from imagegen.queue import Delivery, Queue, Queued, open_queue
from imagegen.queue_lanes import FIRST
from imagegen.settings import NatsSettings, Settings

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
    """A job that is queued."""
    job = a_job()
    await queue.publish(job)
    return job


async def taken(queue: Queue, patience: timedelta = timedelta(seconds=3)) -> Delivery:
    delivery = await queue.take(patience)
    assert delivery is not None
    return delivery


async def until_empty(queue: Queue) -> None:
    """Wait until no job has a message: the server takes an acknowledgement into account a moment after it came."""
    async with asyncio.timeout(3):
        while (await queue.stream.queued()).all:
            await asyncio.sleep(0.01)


async def test_jobs_are_taken_in_the_order_in_which_they_were_queued(queue: Queue) -> None:
    jobs = [a_job() for _ in range(5)]
    for job in jobs:
        await queue.publish(job)

    assert [(await taken(queue)).job_id for _ in jobs] == [job.id for job in jobs]
    assert await queue.take(SHORT) is None


async def test_a_job_counts_as_queued_until_it_is_acknowledged(queue: Queue, job: Job) -> None:
    before = await queue.stream.queued()
    delivery = await taken(queue)
    meanwhile = await queue.stream.queued()
    await delivery.acknowledge()
    await until_empty(queue)

    there = Queued(all=frozenset({job.id}), open=frozenset())
    assert (before, meanwhile) == (there, there)


async def test_every_queued_job_is_known_also_when_there_are_thousands(queue: Queue) -> None:
    jobs = {f"{number:026}" for number in range(3_000)}
    await asyncio.gather(*(queue.publish_again(job_id, 0, NORMAL) for job_id in jobs))
    await queue.publish_open("1", "1")

    assert await queue.stream.queued() == Queued(all=frozenset(jobs | {"1"}), open=frozenset({"1"}))


async def test_a_job_that_a_person_waits_for_overtakes_three_hundred_of_low_priority(queue: Queue) -> None:
    batch = [replace(a_job(user_id="batch"), priority=Priority.LOW) for _ in range(300)]
    await asyncio.gather(*(queue.publish(job, crowded=True) for job in batch))
    running = [await taken(queue) for _ in range(3)]
    person = a_job(user_id="person")
    await queue.publish(person)
    await asyncio.sleep(SHORT.total_seconds())  # a consumer learns of it a moment after the publisher

    assert ((await taken(queue)).job_id, [delivery.job_id for delivery in running]) == (
        person.id,
        [job.id for job in batch[:3]],
    )


async def test_one_job_of_a_user_is_not_behind_the_thousand_of_another(queue: Queue) -> None:
    await asyncio.gather(*(queue.publish(a_job(user_id="many"), crowded=True) for _ in range(1000)))
    await taken(queue)
    one = a_job(user_id="one")
    await queue.publish(one)

    assert one.id in {(await taken(queue)).job_id for _ in range(2)}


async def test_a_job_that_is_passed_on_comes_before_all_others(queue: Queue, job: Job) -> None:
    delivery = await taken(queue)
    await queue.publish(a_job())
    await delivery.pass_on(job)
    await asyncio.sleep(SHORT.total_seconds())

    assert ((await taken(queue)).job_id, (await queue.stream.queued()).open) == (job.id, {job.id})


async def test_one_by_one_the_next_job_of_a_priority_comes_when_the_one_before_is_settled(
    settings: NatsSettings,
) -> None:
    async with open_queue(settings, LONG, one_by_one=True) as queue:
        first, second = a_job(), a_job()
        low = replace(a_job(), priority=Priority.LOW)
        for job in (first, second, low):
            await queue.publish(job)
        waits = await taken(queue)
        overtakes = await taken(queue)
        nobody = await queue.take(SHORT)
        waits.settled()
        then = await taken(queue)

    assert (waits.job_id, overtakes.job_id, nobody, then.job_id) == (first.id, low.id, None, second.id)


async def test_what_an_older_version_queued_is_still_delivered(
    settings: NatsSettings, jetstream: JetStreamContext
) -> None:
    name, job = settings.stream, a_job()
    await jetstream.add_stream(
        StreamConfig(name=name, subjects=[f"{name}.jobs.*"], retention=RetentionPolicy.WORK_QUEUE)
    )
    await jetstream.add_consumer(name, ConsumerConfig(durable_name="runners", filter_subject=f"{name}.jobs.*"))
    await jetstream.publish(f"{name}.jobs.{job.id}", b"")
    async with open_queue(settings, LONG) as queue:
        before = (await queue.stream.queued()).all
        delivery = await taken(queue)
        await delivery.acknowledge()
        await until_empty(queue)

        assert (before, delivery.job_id) == ({job.id}, job.id)


async def test_two_runners_never_take_the_same_message(queue: Queue, settings: NatsSettings) -> None:
    async with open_queue(settings, LONG) as other:
        for _ in range(6):
            await queue.publish(a_job())
        deliveries = [await taken(runner) for runner in (queue, other) * 3]

    assert len({delivery.job_id for delivery in deliveries}) == 6


async def test_a_job_that_is_handed_back_comes_again_after_the_delay_and_not_before(queue: Queue, job: Job) -> None:
    await (await taken(queue)).hand_back(timedelta(seconds=0.6))
    at_once = await queue.take(SHORT)
    later = await taken(queue)
    await later.hand_back(timedelta(0))

    assert (at_once, later.job_id, (await taken(queue, SHORT)).job_id) == (None, job.id, job.id)


async def test_a_repeated_publish_is_one_message_and_a_new_generation_another(queue: Queue, job: Job) -> None:
    await queue.publish(job)
    await queue.publish(job)
    await (await taken(queue)).acknowledge()
    repeated = await queue.take(SHORT)
    await queue.publish_again(job.id, job.generation + 1, NORMAL)

    assert (repeated, (await taken(queue)).job_id) == (None, job.id)


async def test_a_message_that_nobody_reports_on_comes_again_and_one_in_work_does_not(settings: NatsSettings) -> None:
    async with open_queue(settings, timedelta(seconds=0.8)) as queue:
        await queue.publish(a_job())
        delivery = await taken(queue)
        for _ in range(3):
            assert await queue.take(timedelta(seconds=0.4)) is None
            await delivery.still_working()
        again = await taken(queue)

    assert again.job_id == delivery.job_id


async def test_messages_that_come_again_do_so_one_right_after_the_other(settings: NatsSettings) -> None:
    async with open_queue(settings, timedelta(seconds=0.8)) as queue:
        for _ in range(6):
            await queue.publish(a_job())
        first = {(await taken(queue)).job_id for _ in range(6)}
        await asyncio.sleep(1)
        async with asyncio.timeout(2.5):  # one look into every lane comes in every 2 s
            again = {(await taken(queue)).job_id for _ in range(6)}

    assert again == first


async def test_news_of_a_job_wakes_those_who_wait_for_it_in_any_process(queue: Queue, settings: NatsSettings) -> None:
    job = a_job()
    async with open_queue(settings, LONG) as other:
        with queue.news.of(job.id) as one, queue.news.of(job.id) as two, queue.news.of(a_job().id) as stranger:
            await other.announce(job)
            async with asyncio.timeout(3):
                await asyncio.gather(one.wait(), two.wait())

    assert not stranger.is_set()


async def test_news_of_a_job_wakes_those_who_wait_for_its_batch_in_another_process(
    queue: Queue, settings: NatsSettings
) -> None:
    async with open_queue(settings, LONG) as other:
        with other.news.of("a batch") as wanted, other.news.of("another") as stranger:
            await queue.announce(replace(a_job(), batch_id="a batch"))
            async with asyncio.timeout(3):
                await wanted.wait()

    assert not stranger.is_set()


async def test_of_moves_that_follow_closely_other_processes_hear_the_last(
    queue: Queue, settings: NatsSettings, job: Job
) -> None:
    moves = [replace(job, version=version, status=JobStatus.RUNNING) for version in (2, 3, 4)]
    async with open_queue(settings, LONG) as other:
        with queue.news.heard(job.id) as here, other.news.heard(job.id) as there:
            for move in moves[:2]:
                await queue.announce(move)
            await asyncio.sleep(SHORT.total_seconds())
            first = versions(there)
            await queue.announce(moves[2])
            await queue.announce(replace(job, version=5, status=JobStatus.COMPLETED))
            await asyncio.sleep(SHORT.total_seconds())

            assert (first, versions(there), versions(here)) == ([3], [5], [2, 3, 4, 5])


def versions(listener: Listener) -> list[JsonValue]:
    return [event["version"] for event in listener.take()]


async def test_what_a_process_tells_is_heard_in_it_once_also_while_nats_is_away(settings: NatsSettings) -> None:
    assert settings.url is not None
    port = urlsplit(settings.url.get_secret_value()).port
    assert port is not None
    job = a_job()
    async with door(port) as to_nats:
        behind = settings.model_copy(update={"url": through(settings.url, to_nats.port)})
        async with open_queue(behind, LONG) as queue:
            with queue.news.heard(job.id) as listener:
                await queue.announce(job, stage="there")
                await queue.stream.check()  # whatever the server had to say before is here by now
                await to_nats.shut()
                await queue.announce(job, stage="away")

                assert [event["stage"] for event in listener.take()] == ["there", "away"]


async def test_an_address_where_nothing_answers_is_told_within_the_patience() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    async with asyncio.timeout(3):
        with pytest.raises(QueueUnavailable):
            async with open_queue(NatsSettings(url=SecretStr(f"nats://127.0.0.1:{port}")), LONG, SHORT):
                pass


async def test_a_queue_whose_stream_is_gone_says_so_and_goes_on_once_it_is_prepared(
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


async def test_a_stream_of_an_older_version_is_brought_up_to_date_and_keeps_what_an_operator_set(
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


async def test_a_stream_that_is_no_work_queue_is_refused(settings: NatsSettings, jetstream: JetStreamContext) -> None:
    await jetstream.add_stream(StreamConfig(name=settings.stream, retention=RetentionPolicy.LIMITS))

    with pytest.raises(QueueUnavailable):
        async with open_queue(settings, LONG):
            pass
