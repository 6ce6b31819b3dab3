import asyncio

from imagegen.storage.picture_memory import PictureMemory


async def test_a_large_reservation_is_not_overtaken_by_small_ones() -> None:
    memory = PictureMemory(10)
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


async def test_a_reservation_that_is_given_up_while_it_waits_takes_nothing() -> None:
    memory = PictureMemory(10)
    async with memory.reserve(10):
        waiting = asyncio.create_task(memory.reserve(5).__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait({waiting})

    async with asyncio.timeout(1), memory.reserve(10):
        pass
