"""Group commit: concurrent calls share a batch, and each caller gets its own result."""

import asyncio
from collections.abc import Sequence

import pytest

from imagegen.errors import DatabaseUnavailable
from imagegen.storage.batching import Batcher


class Server:
    """Doubles numbers, one batch at a time. An `unreadable` number fails its whole batch."""

    def __init__(self, *unreadable: int) -> None:
        self.batches: list[list[int]] = []
        self.unreadable = set(unreadable)
        self.is_down = False
        self.responds = asyncio.Event()
        self.responds.set()

    async def double(self, numbers: Sequence[int]) -> Sequence[int | Exception]:
        self.batches.append(list(numbers))
        await self.responds.wait()
        if self.is_down:
            raise DatabaseUnavailable
        if self.unreadable.intersection(numbers):
            raise ValueError(numbers)
        return [KeyError(number) if number < 0 else 2 * number for number in numbers]


async def busy(batcher: Batcher[int, int], server: Server) -> asyncio.Task[int]:
    """A batch that is in flight until the server responds."""
    server.responds.clear()
    first = asyncio.create_task(batcher.submit(0))
    while not server.batches:
        await asyncio.sleep(0)
    return first


async def test_single_call_is_not_delayed() -> None:
    server = Server()
    batcher = Batcher(server.double)

    assert [await batcher.submit(1), await batcher.submit(2)] == [2, 4]
    assert server.batches == [[1], [2]]


async def test_calls_during_a_batch_go_in_the_next_one() -> None:
    server = Server()
    batcher = Batcher(server.double)
    first = await busy(batcher, server)

    others = [asyncio.create_task(batcher.submit(number)) for number in range(1, 4)]
    await asyncio.sleep(0)
    server.responds.set()

    assert [await task for task in (first, *others)] == [0, 2, 4, 6]
    assert server.batches == [[0], [1, 2, 3]]


async def test_batch_size_is_limited() -> None:
    server = Server()
    batcher = Batcher(server.double)

    assert await asyncio.gather(*(batcher.submit(number) for number in range(100))) == [
        2 * number for number in range(100)
    ]
    assert [len(each) for each in server.batches] == [64, 36]


async def test_error_of_one_item_is_raised_for_it_alone() -> None:
    batcher = Batcher(Server().double)

    results = await asyncio.gather(batcher.submit(1), batcher.submit(-2), batcher.submit(3), return_exceptions=True)

    assert [results[0], type(results[1]), results[2]] == [2, KeyError, 6]


async def test_item_that_fails_its_batch_fails_alone() -> None:
    server = Server(13)
    batcher = Batcher(server.double)

    results = await asyncio.gather(batcher.submit(1), batcher.submit(13), batcher.submit(3), return_exceptions=True)

    assert [results[0], type(results[1]), results[2]] == [2, ValueError, 6]


async def test_unavailable_database_is_called_once_per_batch() -> None:
    server = Server()
    server.is_down = True
    batcher = Batcher(server.double)

    results = await asyncio.gather(*(batcher.submit(number) for number in range(5)), return_exceptions=True)

    assert {type(answer) for answer in results} == {DatabaseUnavailable}
    assert len(server.batches) == 1


async def test_cancelled_caller_withdraws_a_pending_item() -> None:
    server = Server()
    batcher = Batcher(server.double)
    first = await busy(batcher, server)

    given_up, kept = (asyncio.create_task(batcher.submit(number)) for number in (1, 2))
    await asyncio.sleep(0)
    given_up.cancel()
    server.responds.set()

    assert [await first, await kept] == [0, 4]
    assert server.batches == [[0], [2]]
    with pytest.raises(asyncio.CancelledError):
        await given_up


async def test_cancelled_caller_does_not_affect_its_batch() -> None:
    server = Server()
    batcher = Batcher(server.double)
    first = await busy(batcher, server)

    first.cancel()
    later = asyncio.create_task(batcher.submit(1))
    await asyncio.sleep(0)
    server.responds.set()

    assert await later == 2
