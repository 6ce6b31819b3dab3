"""A shell for the tests of client commands: in a folder of its own, with the running service as IMAGEGEN_URL."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.client import Shell

if TYPE_CHECKING:
    from tests.support.service import Service


@pytest.fixture
def typed(service: "Service", tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    environ = {"XDG_CONFIG_HOME": str(tmp_path), "LOGNAME": "ann", "BROWSER": "true"}
    return Shell({"IMAGEGEN_URL": str(service.client.base_url), **environ})
