from collections.abc import AsyncGenerator
from datetime import timedelta

import pytest

from imagegen.settings import Settings
from tests.support.jobs_apart import apart
from tests.support.service import Service, running


@pytest.fixture
def own(stack: Settings) -> Settings:
    """Everything is of this test's own, so that nothing else is counted; leases are short."""
    return apart(stack, lease=timedelta(seconds=3))


@pytest.fixture
async def house(own: Settings) -> AsyncGenerator[Service]:
    """A service with a runner that has done nothing yet."""
    async with running(own) as service:
        yield service
