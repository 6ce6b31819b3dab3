"""Of several events of a job within 50 ms, other processes get only the last."""

import asyncio

import pytest

from imagegen.queue.debounce import EventDebouncer


class Sent:
    """Collects what is sent."""

    def __init__(self) -> None:
        self.events: list[tuple[str, bytes]] = []

    async def send(self, job_id: str, event: bytes) -> None:
        self.events.append((job_id, event))


@pytest.fixture
def sent() -> Sent:
    return Sent()


async def test_event_is_sent_after_the_window(sent: Sent) -> None:
    EventDebouncer(sent.send).publish_soon("job", b"1")
    before = list(sent.events)

    await asyncio.sleep(0.1)

    assert (before, sent.events) == ([], [("job", b"1")])


async def test_only_the_last_of_several_events_is_sent(sent: Sent) -> None:
    debouncer = EventDebouncer(sent.send)
    for event in (b"1", b"2", b"3"):
        debouncer.publish_soon("job", event)

    await asyncio.sleep(0.1)

    assert sent.events == [("job", b"3")]


async def test_window_begins_with_the_first_event(sent: Sent) -> None:
    """Events that never stop do not delay each other for ever."""
    debouncer = EventDebouncer(sent.send)
    for number in range(10):
        debouncer.publish_soon("job", b"%d" % number)
        await asyncio.sleep(0.02)

    assert 2 <= len(sent.events) <= 4


async def test_events_of_different_jobs_are_independent(sent: Sent) -> None:
    debouncer = EventDebouncer(sent.send)
    debouncer.publish_soon("one", b"1")
    debouncer.publish_soon("other", b"2")

    await asyncio.sleep(0.1)

    assert sorted(sent.events) == [("one", b"1"), ("other", b"2")]


async def test_immediate_event_replaces_a_pending_one(sent: Sent) -> None:
    debouncer = EventDebouncer(sent.send)
    debouncer.publish_soon("job", b"pending")
    await debouncer.publish("job", b"end")
    at_once = list(sent.events)

    await asyncio.sleep(0.1)

    assert (at_once, sent.events) == ([("job", b"end")], [("job", b"end")])
