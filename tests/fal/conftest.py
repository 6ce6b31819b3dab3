import sys
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import httpx
import pytest

from imagegen.http import open_transport
from imagegen.settings import Settings

sys.path.insert(0, str(Path(__file__).parent))

from workbench import Bench, opened


@pytest.fixture(scope="session")
async def transport() -> AsyncIterator[httpx.AsyncBaseTransport]:
    async with open_transport(connections=20) as shared:
        yield shared


@pytest.fixture
async def bench(stack: Settings, transport: httpx.AsyncBaseTransport) -> AsyncGenerator[Bench]:
    async with opened(stack.fal, transport) as bench:
        yield bench
