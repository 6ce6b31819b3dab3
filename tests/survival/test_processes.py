"""`imagegen serve --processes`: several processes are one service, and one of them may die."""

import asyncio
import os
import shutil
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import psutil
import pytest

from imagegen.settings import Settings
from tests.support.processes import Running, environment, imagegen
from tests.support.scraped import Scraped, scrape
from tests.support.service import FLUX, Json, sandbox_of
from tests.support.several_processes import children, clients, logged, owner, sharing

PATH = "/api/images/generate"
pytestmark = [pytest.mark.usefixtures("service"), pytest.mark.slow]  # which creates the bucket


async def generate(running: Running, user: str) -> Json:
    """Make one image over a connection of its own."""
    async with httpx.AsyncClient(base_url=running.client.base_url, timeout=60) as client:
        answer = await client.post(PATH, json={**FLUX, "userId": user})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def metrics(running: Running) -> Scraped:
    return await scrape(running.client)


async def test_limits_and_counts_are_those_of_the_service(own: Settings, tmp_path: Path) -> None:
    async with sharing(own, tmp_path, 3, IMAGEGEN_CONCURRENCY="7") as running:
        jobs = await asyncio.gather(*(generate(running, f"u{number}") for number in range(12)))
        scraped = [await metrics(running) for _ in range(4)]

    assert {job["status"] for job in jobs} == {"completed"}
    for one in scraped:
        assert one.value("job_places") == 7
        assert one.value("build_info", one_version(one)) == 1
        assert sum(one.series("jobs_accepted_total").values()) == 12
        assert one.value("server_up", "mongodb") == 1


def one_version(scraped: Scraped) -> str:
    ((version,),) = scraped.series("build_info")
    return version


async def test_dead_process_is_replaced_and_costs_only_its_own_connections(own: Settings, tmp_path: Path) -> None:
    users = [f"u{number}" for number in range(8)]
    async with sharing(own, tmp_path) as running, sandbox_of(own) as sandbox:
        await sandbox.misbehaves({"fault": "latency", "queue": 0, "generation": 8})
        before = await asyncio.to_thread(children, running)
        assert len(before) == 2
        async with clients(running, len(users)) as callers:
            owners = [await asyncio.to_thread(owner, before, caller) for caller in callers]
            working = [
                asyncio.create_task(caller.client.post(PATH, json={**FLUX, "userId": user}))
                for caller, user in zip(callers, users, strict=True)
            ]
            await accepted(running, users)
            killed = next(each for each in before if each != owners[0])
            killed.kill()
            results = await asyncio.gather(*working, return_exceptions=True)
        await sandbox.behaves()
        await replaced(running, before)
        after = [await generate(running, "later") for _ in range(4)]
        async with asyncio.timeout(90):  # what the dead process had is taken over
            while await unfinished(running, users):
                await asyncio.sleep(0.2)

    for process, result in zip(owners, results, strict=True):
        if process == killed:
            assert isinstance(result, httpx.TransportError)
        else:
            assert isinstance(result, httpx.Response)
            assert result.json()["status"] == "completed"
    assert {job["status"] for job in after} == {"completed"}


async def accepted(running: Running, users: Sequence[str]) -> None:
    """Wait until each user has a job."""
    async with asyncio.timeout(20):
        for user in users:
            while not await jobs_of(running, user):
                await asyncio.sleep(0.05)


async def replaced(running: Running, before: Sequence[psutil.Process], count: int = 2) -> None:
    """Wait until so many processes answer, one of which is new."""
    known = set(before)
    async with asyncio.timeout(60):
        while len(alive := set(await asyncio.to_thread(children, running))) < count or alive <= known:
            await asyncio.sleep(0.1)


async def jobs_of(running: Running, user: str) -> Sequence[Json]:
    return (await running.client.get("/api/jobs", params={"userId": user})).json()["jobs"]


async def unfinished(running: Running, users: Sequence[str]) -> int:
    """How many jobs of these users have not ended."""
    jobs = [job for user in users for job in await jobs_of(running, user)]
    return sum(job["status"] != "completed" for job in jobs)


async def test_replacement_that_cannot_start_is_tried_again(own: Settings, tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    async with sharing(own, tmp_path) as running:
        before = await asyncio.to_thread(children, running)
        dotenv.write_text("IMAGEGEN_WAIT=a while")
        before[0].kill()
        await logged(tmp_path, "ended at its start, with status 2; it is tried again", times=2)
        assert (await generate(running, "meanwhile"))["status"] == "completed"
        dotenv.unlink()
        await replaced(running, before)


@pytest.mark.skipif(sys.platform != "linux", reason="sets the limit of another process")
async def test_lack_of_open_files_is_survived_by_the_parent(own: Settings, tmp_path: Path) -> None:
    async with sharing(own, tmp_path) as running:
        before = await asyncio.to_thread(children, running)
        parent = psutil.Process(running.process.pid)
        soft, hard = parent.rlimit(psutil.RLIMIT_NOFILE)
        parent.rlimit(psutil.RLIMIT_NOFILE, (3, hard))
        before[0].kill()
        await logged(tmp_path, "one of 2 processes cannot be started: [Errno 24]", times=2)
        opened = parent.num_fds()
        log = await logged(tmp_path, "one of 2 processes cannot be started: [Errno 24]", times=4)
        assert parent.num_fds() == opened
        parent.rlimit(psutil.RLIMIT_NOFILE, (soft, hard))
        await replaced(running, before)
        status = await running.ask_to_end()

    assert status == 0
    assert log.count("and is replaced") == 1


async def test_removed_metrics_directory_is_made_again(own: Settings, tmp_path: Path) -> None:
    async with sharing(own, tmp_path, TMPDIR=str(tmp_path)) as running:
        before = await asyncio.to_thread(children, running)
        (directory,) = metrics_directories(tmp_path)
        await asyncio.to_thread(shutil.rmtree, directory)
        before[0].kill()
        async with asyncio.timeout(60):
            while not await asyncio.to_thread(lambda: list(directory.glob("*.db"))):  # of the new process
                await asyncio.sleep(0.1)
        status = await running.ask_to_end()

    assert status == 0
    assert metrics_directories(tmp_path) == []


def metrics_directories(folder: Path) -> Sequence[Path]:
    return list(folder.glob("imagegen-metrics-*"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_signal_during_the_start_ends_it_at_once(own: Settings, tmp_path: Path, number: signal.Signals) -> None:
    asked = asyncio.Event()
    environ = environment(own) | {"TMPDIR": str(tmp_path)}
    async with silent_server(asked) as port:
        environ["MONGODB_URL"] = f"mongodb://127.0.0.1:{port}/?directConnection=true"
        async with imagegen("serve", "--port", "0", "--processes", "2", environ=environ, directory=tmp_path) as running:
            await asyncio.wait_for(asked.wait(), 60)
            starting = await asyncio.to_thread(children, running)
            running.process.send_signal(number)
            status = await asyncio.wait_for(running.process.wait(), 4)  # MongoDB would be waited for longer

    assert status == 0
    assert len(starting) == 2
    assert [child for child in starting if child.is_running()] == []
    assert metrics_directories(tmp_path) == []
    assert "ready" not in (tmp_path / "serve.log").read_text()


@asynccontextmanager
async def silent_server(asked: asyncio.Event) -> AsyncGenerator[int]:
    """Accept connections on the port and answer nothing."""

    async def ignore(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        with suppress(ConnectionError):
            await reader.read()
        writer.close()

    async with await asyncio.start_server(ignore, "127.0.0.1") as server:
        yield server.sockets[0].getsockname()[1]


async def test_connections_are_refused_once_the_service_stops(own: Settings, tmp_path: Path) -> None:
    async with sharing(own, tmp_path) as running:
        port = running.client.base_url.port
        assert port is not None
        _, slow = await asyncio.open_connection("127.0.0.1", port)
        slow.write(b"POST /api/images/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n{")
        await slow.drain()
        await metrics(running)  # one request later, the slow one is being received
        running.process.terminate()
        async with asyncio.timeout(30):
            while await accepts(port):
                await asyncio.sleep(0.05)
        assert running.process.returncode is None
        slow.close()
        status = await asyncio.wait_for(running.process.wait(), 30)

    assert status == 0
    assert (tmp_path / "serve.log").read_text().count("stopping:") == 1


async def accepts(port: int) -> bool:
    """Whether a connection to the port is made, even if it is not answered."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionError:
        return False
    writer.close()
    return True


async def test_second_sigterm_does_not_keep_a_process_from_handing_back_its_jobs(own: Settings, tmp_path: Path) -> None:
    async with sharing(own, tmp_path) as running, sandbox_of(own) as sandbox, clients(running, 1) as (caller,):
        await sandbox.misbehaves({"fault": "media_delay", "seconds": 3})
        before = await asyncio.to_thread(children, running)
        working = await asyncio.to_thread(owner, before, caller)
        request = asyncio.create_task(caller.client.post(PATH, json={**FLUX, "userId": "u"}))
        async with asyncio.timeout(20):  # fal's result is there, its image is on its way
            while not [job for job in await jobs_of(running, "u") if job["result"] is not None]:
                await asyncio.sleep(0.05)
        working.terminate()
        answer = await request  # the process stops: it answers whoever waits, and goes on with its step
        await asyncio.sleep(0.3)
        working.terminate()
        log = await logged(tmp_path, "and is replaced")

    assert answer.status_code == 202
    assert f"process {working.pid} ended with status 0" in log


async def test_processes_end_with_their_parent(own: Settings, tmp_path: Path) -> None:
    async with sharing(own, tmp_path) as running:
        asked = await asyncio.to_thread(children, running)
        status = await running.ask_to_end()

    assert status == 0
    assert [child for child in asked if child.is_running()] == []


async def test_processes_end_when_their_parent_is_killed(own: Settings, tmp_path: Path) -> None:
    async with sharing(own, tmp_path, TMPDIR=str(tmp_path)) as running:
        left = await asyncio.to_thread(children, running)
        assert len(metrics_directories(tmp_path)) == 1
        await running.kill()
        _, alive = await asyncio.to_thread(psutil.wait_procs, left, timeout=40)

    assert alive == []
    assert metrics_directories(tmp_path) == []


async def test_process_whose_parent_was_killed_before_it_could_start_leaves_nothing(tmp_path: Path) -> None:
    directory, (is_ready, tell_ready) = tmp_path / "metrics", os.pipe()
    directory.mkdir()
    with socket.socket() as listener, os.fdopen(is_ready), os.fdopen(tell_ready, "wb"):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "imagegen", "serve-process"),
            *("127.0.0.1", "0", "2", str(tell_ready), str(listener.fileno())),
            env={"PATH": os.environ["PATH"], "PROMETHEUS_MULTIPROC_DIR": str(directory)},
            cwd=tmp_path,
            pass_fds=(tell_ready, listener.fileno()),
            stdin=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await process.communicate(b"")  # which closes its standard input, as a dying parent does

    assert process.returncode == 2
    assert b"No local servers run" in said
    assert not await asyncio.to_thread(directory.exists)


async def test_limit_that_cannot_be_shared_is_named(own: Settings, tmp_path: Path) -> None:
    environ = environment(own) | {"IMAGEGEN_CONCURRENCY": "2"}
    async with imagegen("serve", "--processes", "3", environ=environ, directory=tmp_path) as running:
        status = await asyncio.wait_for(running.process.wait(), 60)

    assert status == 2
    assert "IMAGEGEN_CONCURRENCY is 2: each of 3 processes needs at least 1" in (tmp_path / "serve.log").read_text()
