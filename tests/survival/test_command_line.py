"""What `imagegen serve` and `imagegen worker` print, and how they exit."""

import asyncio
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from imagegen.settings import Settings
from tests.support.processes import answers, environment, free_port, imagegen, inherited, serving, takes_jobs
from tests.support.service import FLUX

# Starts the service, and connects to it at the moment at which it says that it is ready.
CONNECTS = """
import asyncio, socket
from urllib.parse import urlsplit
from imagegen.server import serve
from imagegen.settings import Settings

async def once():
    stopping = asyncio.Event()

    def ready(url):
        socket.create_connection(("127.0.0.1", urlsplit(url).port), 5).close()
        stopping.set()

    await serve(Settings.read(dotenv=None), "127.0.0.1", 0, ready=ready, stopping=stopping)

asyncio.run(once())
"""


async def typed(directory: Path, *arguments: str, environ: Mapping[str, str]) -> tuple[int | None, str]:
    """The exit code and everything that is printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "imagegen", *arguments),
        env={**inherited(), **environ},
        cwd=directory,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 30)
    return process.returncode, output.decode()


async def test_every_wrong_setting_is_named(tmp_path: Path) -> None:
    status, output = await typed(tmp_path, "serve", environ={"IMAGEGEN_WAIT": "soon", "FAL_QUEUE_URL": "nope"})

    assert (status, output.splitlines()) == (
        2,
        [
            "The settings are wrong:",
            "  FAL_QUEUE_URL is 'nope': expected an address such as https://host or http://127.0.0.1:9000",
            "  IMAGEGEN_WAIT is 'soon': expected a duration such as 30s, 10m or 24h",
        ],
    )


async def test_production_names_every_unset_server(tmp_path: Path) -> None:
    status, output = await typed(tmp_path, "serve", environ={"IMAGEGEN_ENV": "production"})

    assert (status, [line.split()[0] for line in output.splitlines()[1:]]) == (
        2,
        ["FAL_KEY", "MONGODB_URL", "S3_BUCKET"],
    )


async def test_broken_catalog_is_named_with_file_and_line(tmp_path: Path) -> None:
    catalog = tmp_path / "mine.yaml"
    await asyncio.to_thread(catalog.write_text, "fox:\n  falEndpoint: a/b\n  categry: text-to-image\n")

    environ = {"IMAGEGEN_CATALOG": "mine.yaml"}
    status, output = await typed(tmp_path, "serve", "--port", "0", environ=environ)

    assert status == 2
    assert "mine.yaml:3: fox.categry: no such key, did you mean 'category'?" in output


async def test_taken_port_is_reported_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        status, output = await typed(tmp_path, "serve", "--port", str(port), environ={})

    started = await asyncio.to_thread(lambda: list(tmp_path.iterdir()))
    assert (status, f"cannot listen on 127.0.0.1:{port}" in output, started) == (2, True, [])


async def test_unusable_data_directory_is_named_without_a_traceback(tmp_path: Path) -> None:
    await asyncio.to_thread((tmp_path / "file").touch)
    status, output = await typed(tmp_path, "serve", "--port", "0", environ={"IMAGEGEN_DATA_DIR": "file"})

    assert (status, output.splitlines()[1:]) == (
        2,
        [
            "imagegen cannot start:",
            f"  {tmp_path}/file cannot be written (it is a file): set IMAGEGEN_DATA_DIR to a directory that can",
        ],
    )


async def test_worker_without_servers_says_what_to_do(tmp_path: Path) -> None:
    status, output = await typed(tmp_path, "worker", environ={})

    assert (status, "start `imagegen serve` there first" in output) == (2, True)


@pytest.mark.usefixtures("service")  # which creates the bucket
async def test_silent_server_is_named_with_its_variable(own: Settings, tmp_path: Path) -> None:
    environ = environment(own) | {"NATS_URL": f"nats://127.0.0.1:{free_port()}"}

    status, output = await typed(tmp_path, "serve", "--port", "0", environ=environ)

    assert (status, output.splitlines()) == (
        2,
        [
            "Starting imagegen …",
            "imagegen cannot start:",
            "  NATS does not answer: check NATS_URL and the server's log",
        ],
    )


@pytest.mark.usefixtures("service")  # which creates the bucket
async def test_who_is_told_that_it_is_ready_can_connect(own: Settings, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CONNECTS, env=environment(own), cwd=tmp_path, stderr=asyncio.subprocess.PIPE
    )
    _, told = await process.communicate()

    assert process.returncode == 0, told.decode()


async def printed(log: Path, words: str) -> None:
    async with asyncio.timeout(20):
        while words not in await asyncio.to_thread(log.read_text):
            await asyncio.sleep(0.05)


@pytest.mark.slow
async def test_serve_runs_without_variables_and_a_worker_joins_it(tmp_path: Path) -> None:
    port = free_port()
    async with imagegen("serve", "--port", str(port), environ={}, directory=tmp_path, port=port) as serve:
        await answers(serve)
        async with imagegen("worker", environ={}, directory=tmp_path) as worker:
            await takes_jobs(tmp_path)
            job = (await serve.client.post("/api/images/generate", json=FLUX)).json()
            await printed(tmp_path / "worker.log", "taking jobs")  # before that, SIGTERM has its default effect
            statuses = await worker.ask_to_end(), await serve.ask_to_end()

    assert (job["status"], statuses) == ("completed", (0, 0))
    lines = (await asyncio.to_thread((tmp_path / "serve.log").read_text)).splitlines()
    assert lines[0] == "Starting imagegen, and on this machine a fal.ai sandbox, MongoDB, S3 and NATS …"
    assert "The sandbox draws the images, for free: FAL_KEY is not set. Press Ctrl+C to stop." in lines
    assert "stopping: unfinished jobs continue in another process, or at the next start" in lines[-1]


@pytest.mark.usefixtures("service")
async def test_no_secret_is_printed(own: Settings, tmp_path: Path) -> None:
    environ = environment(own)
    async with serving(own, tmp_path) as running:
        await running.client.post("/api/images/generate", json=FLUX)
    printed = await asyncio.to_thread((tmp_path / "serve.log").read_text)

    assert "secret" in environ["FAL_KEY"]
    assert [name for name in ("FAL_KEY", "AWS_SECRET_ACCESS_KEY") if environ[name] in printed] == []
