"""ImageMemory: the limit on image bytes that a process holds at once."""

import asyncio

from imagegen.storage.images.memory import ImageMemory


async def test_reservations_wait_while_the_budget_is_taken() -> None:
    memory = ImageMemory(10)
    held = most = 0

    async def take(size: int) -> None:
        nonlocal held, most
        async with memory.reserve(size):
            held += size
            most = max(most, held)
            await asyncio.sleep(0.001)
            held -= size

    await asyncio.gather(*(take(size) for size in [4, 6, 3, 3, 3, 10, 1, 9]))

    assert most == 10


async def test_large_reservation_is_not_overtaken_by_small_ones() -> None:
    memory = ImageMemory(10)
    order: list[str] = []

    async def take(name: str, size: int) -> None:
        async with memory.reserve(size):
            order.append(name)
            await asyncio.sleep(0.01)

    async with asyncio.TaskGroup() as group:
        for name, size in [("first", 6), ("large", 8), ("small", 1), ("more than there is", 99)]:
            group.create_task(take(name, size))
            await asyncio.sleep(0)

    assert order == ["first", "large", "small", "more than there is"]


async def test_cancelled_reservation_takes_nothing() -> None:
    memory = ImageMemory(10)
    async with memory.reserve(10):
        waiting = asyncio.create_task(memory.reserve(5).__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait({waiting})

    async with asyncio.timeout(1), memory.reserve(10):
        pass
