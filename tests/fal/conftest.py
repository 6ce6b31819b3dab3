from collections.abc import AsyncGenerator, AsyncIterator

import pytest

from imagegen.net.http import Sender
from imagegen.net.pool import open_pool
from imagegen.settings import Settings
from tests.fal.workbench import Bench, opened


@pytest.fixture(scope="session")
async def pool() -> AsyncIterator[Sender]:
    async with open_pool(connections=20) as shared:
        yield shared


@pytest.fixture
async def bench(stack: Settings, pool: Sender) -> AsyncGenerator[Bench]:
    async with opened(stack.fal, pool) as bench:
        yield bench
