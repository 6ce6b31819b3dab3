"""SIGHUP: reloads the catalog of every kind of process, at any moment, and ends none of them."""

import asyncio
import fcntl
import os
import signal
import sys
import termios
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen

import pytest

from imagegen.settings import Settings
from tests.support.catalogs import entry, write
from tests.support.processes import Running, environment, free_port, imagegen, serving, takes_jobs
from tests.support.service import FLUX, Json
from tests.support.several_processes import children, clients, logged, sharing

pytestmark = [pytest.mark.usefixtures("service"), pytest.mark.slow, pytest.mark.timeout(300)]  # it makes the bucket


def hang_up(running: Running) -> None:
    running.process.send_signal(signal.SIGHUP)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not await asyncio.to_thread(condition):
            await asyncio.sleep(0.05)


async def models_of(running: Running) -> list[str]:
    listed = (await running.client.get("/api/images/models")).json()["models"]
    return [each["name"] for each in listed if each["description"] == "Mine"]


async def has_models(running: Running, *names: str) -> None:
    async with asyncio.timeout(60):
        while await models_of(running) != [*names]:
            await asyncio.sleep(0.05)


async def test_serve_takes_a_change_in_and_refuses_a_broken_catalog(own: Settings, mine: Path, tmp_path: Path) -> None:
    async with serving(own, tmp_path, {"IMAGEGEN_CATALOG": str(mine)}) as running:
        write(mine, entry("flyer"))
        hang_up(running)
        await has_models(running, "flyer")
        write(mine, entry("flyer").replace("0.1", "-1"))
        hang_up(running)
        log = await logged(tmp_path, "the catalog stays as it is")
        models = await models_of(running)
        body: Json = {**FLUX, "model": "flyer"}
        made = await running.client.post("/api/images/generate", json=body)
        trail = (await running.client.get("/api/audit")).json()["entries"]
        status = await running.ask_to_end()

    assert f"{mine}:5: flyer.costPerImage: " in log
    assert (models, made.json()["status"], trail, status) == (["flyer"], "completed", [], 0)


async def test_hangup_while_a_service_starts_neither_ends_it_nor_gets_lost(
    own: Settings, mine: Path, tmp_path: Path
) -> None:
    port = free_port()
    environ = {**environment(own), "IMAGEGEN_CATALOG": str(mine)}
    arguments = ("serve", "--port", str(port))
    async with imagegen(*arguments, environ=environ, directory=tmp_path, port=port) as running:
        await until(lambda: _catches(running.process.pid))
        for _ in range(5):
            hang_up(running)
            await asyncio.sleep(0.1)
        log = await logged(tmp_path, "the catalog is unchanged")

        assert (running.process.returncode, "is ready at" in log) == (None, True)


async def test_every_process_of_a_service_and_the_successor_of_a_dead_one_have_the_change(
    own: Settings, mine: Path, tmp_path: Path
) -> None:
    async with sharing(own, tmp_path, IMAGEGEN_CATALOG=str(mine)) as running:
        write(mine, entry("flyer"))
        hang_up(running)
        await logged(tmp_path, "the catalog is reloaded", times=2)
        write(mine, entry("cover"))
        children(running)[0].kill()
        await logged(tmp_path, "and is replaced")
        hang_up(running)  # while the successor starts
        await logged(tmp_path, "the catalog is reloaded", times=3)
        await until(lambda: len(children(running)) == 2)
        async with asyncio.timeout(60):
            while await _catalogs(running) != [["cover"]] * 8:
                await asyncio.sleep(0.2)

        assert (await running.ask_to_end()) == 0


async def test_worker_takes_a_change_in(own: Settings, mine: Path, tmp_path: Path) -> None:
    environ = {**environment(own), "IMAGEGEN_CATALOG": str(mine)}
    async with imagegen("worker", environ=environ, directory=tmp_path) as worker:
        await takes_jobs(tmp_path)
        write(mine, entry("flyer"))
        hang_up(worker)
        await until(lambda: b"the catalog is reloaded" in (tmp_path / "worker.log").read_bytes())

        assert await worker.ask_to_end() == 0


async def test_a_closed_terminal_ends_the_service_in_order(own: Settings, tmp_path: Path) -> None:
    terminal, inner = os.openpty()
    with (tmp_path / "serve.log").open("ab") as log:
        process = Popen(  # noqa: ASYNC220
            [sys.executable, "-m", "imagegen", "serve", "--port", "0"],
            env=environment(own),
            cwd=tmp_path,
            stdin=inner,
            stdout=log,
            stderr=log,
            preexec_fn=lambda: _take_terminal(inner),  # noqa: PLW1509
        )
    os.close(inner)
    try:
        await logged(tmp_path, "is ready at")
        process.send_signal(signal.SIGHUP)
        await logged(tmp_path, "the catalog is unchanged")
        os.close(terminal)
        status = await asyncio.to_thread(process.wait, 30)
    finally:
        process.kill()

    assert (status, "stopping: " in (await logged(tmp_path, "stopping: "))) == (0, True)


async def test_demo_goes_on(tmp_path: Path) -> None:
    environ = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    arguments = ("demo", "--once", "--output", "images", "--port", "0")
    async with imagegen(*arguments, environ=environ, directory=tmp_path) as demo:
        await until(lambda: _catches(demo.process.pid))
        while demo.process.returncode is None:
            hang_up(demo)
            await asyncio.sleep(0.3)

        assert demo.process.returncode == 0


def _catches(pid: int) -> bool:
    """Whether the process has a reaction of its own to SIGHUP."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    (caught,) = [line.split()[1] for line in lines if line.startswith("SigCgt:")]
    return bool(int(caught, 16) & (1 << (signal.SIGHUP - 1)))


def _take_terminal(inner: int) -> None:
    os.setsid()
    fcntl.ioctl(inner, termios.TIOCSCTTY, 0)


async def _catalogs(running: Running) -> list[list[str]]:
    """The models by each of eight new connections, which both processes accept."""
    found: list[list[str]] = []
    async with clients(running, 8) as callers:
        for caller in callers:
            listed = (await caller.client.get("/api/images/models")).json()["models"]
            found.append([each["name"] for each in listed if each["description"] == "Mine"])
    return found
