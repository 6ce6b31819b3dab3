from collections.abc import AsyncIterator

import httpx
import pytest

from imagegen.http import open_transport


@pytest.fixture(scope="session")
async def transport() -> AsyncIterator[httpx.AsyncBaseTransport]:
    async with open_transport(connections=20) as shared:
        yield shared
