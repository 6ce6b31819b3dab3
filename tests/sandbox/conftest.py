import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from stand import QUICK, Caller, Stand, running


@pytest.fixture(scope="session")
async def stand(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Stand]:
    """One sandbox for all tests of this folder; they keep apart by their keys."""
    async with running(tmp_path_factory.mktemp("sandbox"), *QUICK) as stand:
        yield stand


@pytest.fixture
async def fal(stand: Stand) -> AsyncGenerator[Caller]:
    async with httpx.AsyncClient(base_url=stand.url, trust_env=False, timeout=20) as http:
        yield Caller(http)
