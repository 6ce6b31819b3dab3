"""SIGHUP before and after the event loop reacts to it."""

import asyncio
import os
import signal
from collections.abc import Generator

import pytest

from imagegen.net.hangups import note_hangups, on_hangup


@pytest.fixture(autouse=True)
def as_before() -> Generator[None]:
    before = signal.getsignal(signal.SIGHUP)
    yield
    signal.signal(signal.SIGHUP, before)


async def test_hangup_that_was_noted_before_is_acted_upon_once() -> None:
    acted = list[str]()
    note_hangups()
    os.kill(os.getpid(), signal.SIGHUP)
    on_hangup(lambda: acted.append("first"), asyncio.Event())
    on_hangup(lambda: acted.append("second"), asyncio.Event())

    assert acted == ["first"]


async def test_each_hangup_is_acted_upon_and_does_not_stop_the_process() -> None:
    acted, stopping = asyncio.Event(), asyncio.Event()
    note_hangups()
    on_hangup(acted.set, stopping)
    for _ in range(2):
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.wait_for(acted.wait(), 10)
        acted.clear()

    assert not stopping.is_set()


async def test_another_thread_leaves_hangups_alone() -> None:
    before = signal.getsignal(signal.SIGHUP)
    await asyncio.to_thread(note_hangups)

    assert signal.getsignal(signal.SIGHUP) is before
