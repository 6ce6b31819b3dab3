from collections.abc import AsyncGenerator
from uuid import uuid4

import pytest
from collector import Collector, collecting
from jobs_apart import apart
from pydantic import SecretStr

from imagegen.settings import Settings


@pytest.fixture
def own(stack: Settings) -> Settings:
    """The stack with a key, a stream and a database of this test's own, so that nobody else takes its jobs."""
    key = SecretStr(f"telemetry-{uuid4().hex[:12]}:secret")
    return apart(stack).model_copy(update={"fal": stack.fal.model_copy(update={"key": key})})


@pytest.fixture
async def collector() -> AsyncGenerator[Collector]:
    async with collecting() as opened:
        yield opened
