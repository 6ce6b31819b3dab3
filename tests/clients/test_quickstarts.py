"""README's programs for a fresh reader: in a folder that has only what README's command installs."""

import asyncio
import re
import shutil
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.support.clients import PYTHON, address, billed, run
from tests.support.pages import ADDRESS, ROOT, Page, Script
from tests.support.service import Service
from tests.support.shown import reads_as
from tests.support.workspace import NODE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
README: Final = Page(ROOT / "README.md")
PROGRAMS: Final = {script.block.language: script for script in README.scripts()}


@pytest.fixture(scope="module")
async def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone with an empty environment, in which README's command has installed the Python client."""
    clone = tmp_path_factory.mktemp("clone")
    (command,) = re.findall(r"`([^`\n]*pip install[^`\n]*)`", README.text)
    await asyncio.to_thread(shutil.copytree, PYTHON, clone / "sdk/python")
    for line in (f"{sys.executable} -m venv .venv", command):
        status, printed = await run("sh", "-ec", line, folder=clone)
        assert status == 0, printed
    return clone


async def test_the_python_quickstart_saves_an_image(folder: Path, service: Service) -> None:
    python = (str(folder / ".venv/bin/python"), "-c")
    first = await output(PROGRAMS["python"], service, folder, *python)
    paid = await billed(service, "A lighthouse in winter")

    again = await output(PROGRAMS["python"], service, folder, *python)

    assert again == first
    assert (folder / "lighthouse.jpg").read_bytes()[:2] == b"\xff\xd8"
    assert paid == await billed(service, "A lighthouse in winter") != []


async def test_the_javascript_quickstart_links_to_an_image(folder: Path, service: Service) -> None:
    node = (NODE, "--input-type=module", "--eval")
    await output(PROGRAMS["js"], service, folder, *node)
    paid = await billed(service, "A lighthouse in June")

    link, cost = (await output(PROGRAMS["js"], service, folder, *node)).split()

    image = await service.client.get(link)
    assert (image.status_code, image.headers["content-type"], cost) == (200, "image/jpeg", "0.05")
    assert paid == await billed(service, "A lighthouse in June") != []


async def output(script: Script, service: Service, folder: Path, *interpreter: str) -> str:
    """What a program prints, which is what README shows."""
    text = script.block.text.replace(ADDRESS, address(service))
    status, printed = await run(*interpreter, text, folder=folder)
    assert (status, script.prints is not None and reads_as(script.prints.text, printed)) == (0, True), printed
    return printed
