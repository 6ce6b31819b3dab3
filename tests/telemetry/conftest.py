from collections.abc import AsyncGenerator

import pytest

from tests.support.collector import Collector, collecting


@pytest.fixture
async def collector() -> AsyncGenerator[Collector]:
    async with collecting() as opened:
        yield opened
