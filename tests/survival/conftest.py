from collections.abc import AsyncGenerator
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr
from service import Sandbox

from imagegen.settings import Settings


@pytest.fixture
def own(stack: Settings) -> Settings:
    """The stack with a key, a stream and a database of this test's own, so that nobody else takes its jobs."""
    name = f"survival-{uuid4().hex[:12]}"
    return stack.model_copy(
        update={
            "fal": stack.fal.model_copy(update={"key": SecretStr(f"{name}:secret")}),
            "mongodb": stack.mongodb.model_copy(update={"database": name}),
            "nats": stack.nats.model_copy(update={"stream": name}),
        }
    )


@pytest.fixture
async def sandbox(own: Settings) -> AsyncGenerator[Sandbox]:
    assert own.fal.key is not None
    async with httpx.AsyncClient(base_url=own.fal.queue_url) as client:
        yield Sandbox(client, own.fal.key.get_secret_value())
