import time
from collections.abc import AsyncGenerator

import pytest

from imagegen.local import local_stack
from tests.local.local_servers import Up, everything_unset


@pytest.fixture(scope="module")
async def up(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Up]:
    began = time.monotonic()
    async with local_stack(everything_unset(tmp_path_factory.mktemp("up"))) as settings:
        yield Up(settings, time.monotonic() - began)
