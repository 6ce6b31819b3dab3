"""imagegen as operators run it: separate processes, which can be killed."""

import asyncio
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx

from imagegen.settings import Settings


@dataclass(frozen=True, slots=True)
class Running:
    """An `imagegen` process and an HTTP client for it."""

    process: asyncio.subprocess.Process
    client: httpx.AsyncClient

    async def kill(self) -> None:
        """Kill the process, as in a crash."""
        self.process.kill()
        await self.process.wait()

    async def ask_to_end(self) -> int:
        """Send SIGTERM, and return the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), 30)


def environment(settings: Settings, lease: timedelta = timedelta(seconds=3)) -> dict[str, str]:
    """The variables that make a process use these servers."""
    fal, mongodb, s3, nats = settings.fal, settings.mongodb, settings.s3, settings.nats
    assert fal.key and mongodb.url and s3.access_key_id and s3.secret_access_key and nats.url  # noqa: PT018 - all set
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return (
        kept
        | inherited()
        | {
            "FAL_KEY": fal.key.get_secret_value(),
            "FAL_QUEUE_URL": fal.queue_url,
            "FAL_API_URL": fal.api_url,
            "FAL_JWKS_URL": fal.jwks_url,
            "FAL_REST_URL": fal.rest_url,
            "MONGODB_URL": mongodb.url.get_secret_value(),
            "MONGODB_DATABASE": mongodb.database,
            "S3_BUCKET": str(s3.bucket),
            "S3_ENDPOINT_URL": str(s3.endpoint_url),
            "AWS_ACCESS_KEY_ID": s3.access_key_id.get_secret_value(),
            "AWS_SECRET_ACCESS_KEY": s3.secret_access_key.get_secret_value(),
            "NATS_URL": nats.url.get_secret_value(),
            "NATS_STREAM": nats.stream,
            "IMAGEGEN_LEASE": f"{lease.total_seconds()}s",
        }
    )


def inherited() -> dict[str, str]:
    """The variables of every child: of `make coverage`, which measures it, and of its authorities (see conftest.py)."""
    names = ("COVERAGE_PROCESS_CONFIG", "SSL_CERT_FILE", "AWS_CA_BUNDLE")
    return {name: os.environ[name] for name in names if name in os.environ}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@asynccontextmanager
async def imagegen(
    *arguments: str,
    environ: Mapping[str, str],
    directory: Path,
    port: int = 0,
    program: Sequence[str] = ("imagegen",),
) -> AsyncGenerator[Running]:
    """Run `imagegen …`, and kill it at the end if it is still running. Its output goes to a file in the directory."""
    with (directory / f"{arguments[0]}.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *program,
            *arguments,
            env={**inherited(), **environ},
            cwd=directory,
            stdout=log,
            stderr=log,
        )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            yield Running(process, client)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@asynccontextmanager
async def serving(
    settings: Settings, directory: Path, more: Mapping[str, str] | None = None, *, port: int | None = None
) -> AsyncGenerator[Running]:
    """Run `imagegen serve` with more variables, and wait until it responds."""
    port = port or free_port()
    environ = {**environment(settings), **(more or {})}
    async with imagegen("serve", "--port", str(port), environ=environ, directory=directory, port=port) as running:
        await answers(running)
        yield running


@asynccontextmanager
async def dying(
    settings: Settings, directory: Path, module: str, method: str, *, calls: int = 1
) -> AsyncGenerator[Running]:
    """Run `imagegen serve`, which is killed after so many calls of a method, and wait until it responds."""
    port, root = free_port(), Path(__file__).parents[2]
    program = ("tests.support.dying", module, method, str(calls))
    environ = {**environment(settings), "PYTHONPATH": str(root)}
    async with imagegen(
        "serve", "--port", str(port), environ=environ, directory=directory, port=port, program=program
    ) as running:
        await answers(running)
        yield running


def peak_memory(pid: int) -> float:
    """The peak memory of a process, in MiB."""
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


async def answers(running: Running, within: float = 30) -> None:
    """Wait until the process responds, or fail if it ends."""
    async with asyncio.timeout(within):
        while running.process.returncode is None:
            try:
                if (await running.client.get("/health/live")).is_success:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.05)
    raise AssertionError("the process ended before it answered")


async def takes_jobs(directory: Path, workers: int = 1) -> None:
    """Wait until so many workers in this directory log that they take jobs."""
    async with asyncio.timeout(30):
        while (await asyncio.to_thread((directory / "worker.log").read_bytes)).count(b"taking jobs") < workers:
            await asyncio.sleep(0.05)
