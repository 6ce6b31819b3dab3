"""Requests whose calls failed together share an error, and each of them ends by itself."""

import asyncio
from collections.abc import Sequence

from imagegen.api.http.json_route import _drop_tracebacks  # pyright: ignore[reportPrivateUsage] - what each request ends with
from imagegen.errors import DatabaseUnavailable
from imagegen.storage.batching import Batcher


async def failing(items: Sequence[int]) -> Sequence[int]:
    await asyncio.sleep(0.01)
    raise DatabaseUnavailable(f"failed for {len(items)}")


async def test_a_refusal_leaves_requests_alone_that_share_its_cause() -> None:
    batcher = Batcher(failing)

    async def look_afterwards(seconds: float) -> None:
        try:
            await batcher.submit(1)
        except DatabaseUnavailable as error:
            await asyncio.sleep(seconds)
            raise DatabaseUnavailable(f"unknown after {seconds}") from error

    async def request(seconds: float) -> None:
        try:
            await look_afterwards(seconds)
        except DatabaseUnavailable as error:
            _drop_tracebacks(error)
            raise

    occupying = asyncio.create_task(request(0))
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        ends = await asyncio.gather(occupying, request(0.01), request(0.1), return_exceptions=True)

    assert [str(end) for end in ends] == [str(DatabaseUnavailable(f"unknown after {each}")) for each in (0, 0.01, 0.1)]
