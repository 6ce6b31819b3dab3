from collections.abc import AsyncGenerator
from datetime import timedelta
from uuid import uuid4

import pytest
from jobs_apart import apart
from pydantic import SecretStr
from service import Service, running

from imagegen.settings import Settings


@pytest.fixture
def own(stack: Settings) -> Settings:
    """The stack with a key, a stream and a database of this test's own, so that nothing else is counted."""
    key = SecretStr(f"metrics-{uuid4().hex[:12]}:secret")
    alone = apart(stack, lease=timedelta(seconds=3))
    return alone.model_copy(update={"fal": stack.fal.model_copy(update={"key": key})})


@pytest.fixture
async def house(own: Settings) -> AsyncGenerator[Service]:
    """A service with a runner that has done nothing yet."""
    async with running(own) as service:
        yield service
