from collections.abc import AsyncGenerator

import httpx
import pytest

from tests.sandbox.running_sandbox import QUICK, Caller, RunningSandbox, running


@pytest.fixture(scope="session")
async def sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[RunningSandbox]:
    """One sandbox for all tests of this folder, which use different keys."""
    async with running(tmp_path_factory.mktemp("sandbox"), *QUICK) as sandbox:
        yield sandbox


@pytest.fixture
async def fal(sandbox: RunningSandbox) -> AsyncGenerator[Caller]:
    async with httpx.AsyncClient(base_url=sandbox.url, trust_env=False, timeout=20) as http:
        yield Caller(http)
