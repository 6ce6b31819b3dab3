"""`imagegen generate`, ended before its job and started again with the same words: one payment."""

import asyncio
import os
import re
import signal
import sys
import time
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator
from pathlib import Path
from uuid import uuid4

import pytest

from imagegen.cli.exit_codes import ExitCode
from tests.cli.client import Shell
from tests.cli.test_generate import a_photo
from tests.support.clients import billed
from tests.support.door import door
from tests.support.processes import inherited
from tests.support.service import Service


@pytest.fixture(autouse=True)
async def _slow_model(service: Service) -> AsyncGenerator[None]:
    await service.sandbox.misbehaves({"fault": "latency", "generation": 2})
    yield
    await service.sandbox.behaves()


@pytest.mark.parametrize("words", [("-m", "flux-pro"), ("-m", "nano-banana-edit", "-i", "photo.png")], ids=" ".join)
async def test_a_killed_command_is_continued_under_its_key(
    typed: Shell, service: Service, tmp_path: Path, words: tuple[str, ...]
) -> None:
    a_photo(tmp_path)
    prompt = uuid4().hex
    command = ("generate", prompt, *words, "-o", "one", "--idempotency-key", uuid4().hex)
    child = await started(typed, *command)
    await line_with(child, "generating")
    child.kill()
    await child.wait()
    await another_second()

    again = await typed(*command)

    assert again.code == ExitCode.OK, again.err
    assert (tmp_path / again.out.strip()).stat().st_size > 0
    assert len(await billed(service, prompt)) == 1


async def test_ctrl_c_before_the_answer_names_the_key(typed: Shell, service: Service) -> None:
    prompt = uuid4().hex
    command = ("generate", prompt, "-m", "flux-pro")
    assert service.client.base_url.port is not None
    async with door(service.client.base_url.port) as entrance:
        with entrance.holding('"jobId"') as held:
            child = await started(typed, *command, "--url", f"http://127.0.0.1:{entrance.port}")
            await held.came.wait()
            child.send_signal(signal.SIGINT)
            told = await line_with(child, "--idempotency-key")
            code = await child.wait()

    (key,) = re.findall(r"`--idempotency-key (\S+)`", told)
    again = await typed(*command, "--idempotency-key", key)

    assert (code, again.code) == (ExitCode.INTERRUPTED, ExitCode.OK), again.err
    assert len(await billed(service, prompt)) == 1


async def started(typed: Shell, *command: str) -> Process:
    """A command in a process of its own."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "imagegen", *command),
        env={**os.environ, **typed.environ, **inherited()},
        stderr=asyncio.subprocess.PIPE,
    )


async def line_with(child: Process, words: str) -> str:
    """The first line of stderr with these words."""
    assert child.stderr is not None
    while words not in (line := (await child.stderr.readline()).decode()):
        assert line, "the command ended"
    return line


async def another_second() -> None:
    """Wait for the next second, in which a link to the same upload gets another signature."""
    second = int(time.time())
    while int(time.time()) == second:
        await asyncio.sleep(0.02)
