"""A shell for the tests of client commands: in a folder of its own, with the running service as IMAGEGEN_URL."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.client import Shell
from tests.sandbox.running_sandbox import QUICK, RunningSandbox, running

if TYPE_CHECKING:
    from tests.support.service import Service


@pytest.fixture
def typed(service: "Service", tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    environ = {"XDG_CONFIG_HOME": str(tmp_path), "LOGNAME": "ann", "BROWSER": "true"}
    return Shell({"IMAGEGEN_URL": str(service.client.base_url), **environ})


@pytest.fixture(scope="session")
async def fal_sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[RunningSandbox]:
    """A sandbox without a service."""
    async with running(tmp_path_factory.mktemp("sandbox"), *QUICK) as sandbox:
        yield sandbox
