import sys
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from local_servers import Up, everything_unset

from imagegen.local import local_stack


@pytest.fixture(scope="module")
async def up(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Up]:
    began = time.monotonic()
    async with local_stack(everything_unset(tmp_path_factory.mktemp("up"))) as settings:
        yield Up(settings, time.monotonic() - began)
