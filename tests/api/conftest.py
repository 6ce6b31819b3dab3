import pytest
from service import Sandbox, Service


@pytest.fixture
async def sandbox(service: Service) -> Sandbox:
    """The sandbox, without faults left over from another test."""
    await service.sandbox.behaves()
    return service.sandbox
