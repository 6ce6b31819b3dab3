from collections.abc import AsyncGenerator

import pytest

from tests.support.service import Sandbox, Service


@pytest.fixture
async def sandbox(service: Service) -> AsyncGenerator[Sandbox]:
    """The sandbox; its faults end with the test."""
    yield service.sandbox
    await service.sandbox.behaves()
