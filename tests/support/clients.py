"""Ledgers and folders for the tests of the clients."""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path

from tests.support.pages import ROOT
from tests.support.service import Json, Service

PYTHON = ROOT / "sdk/python"
TYPESCRIPT = ROOT / "sdk/typescript"


def address(service: Service) -> str:
    return str(service.client.base_url).rstrip("/")


def blocks(readme: Path, language: str) -> Sequence[str]:
    """The blocks of a page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", readme.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


async def billed(service: Service, prompt: str) -> Sequence[Json]:
    """What fal would have billed for this prompt."""
    return [each for each in await service.sandbox.requests() if each["body"].get("prompt") == prompt]


async def run(*command: str, folder: Path, environ: dict[str, str] | None = None) -> tuple[int | None, str]:
    """A program's exit code and what it printed."""
    child = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=environ, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    printed, _ = await child.communicate()
    return child.returncode, printed.decode()
