"""What stands around the measured program: MongoDB, S3 and NATS of the local stack, and the fal double."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import psutil
from pydantic import SecretStr

from bench.connections import s3_client
from bench.programs import ROOT, Program, free_ports, python_module, running
from imagegen.local import local_stack
from imagegen.settings import FalSettings, S3Settings, ServiceSettings, Settings

KEY: Final = "bench:double"
_SERVER_NAMES: Final = {"mongod": "MongoDB", "weed": "SeaweedFS", "nats-server": "NATS"}
# Enough for every suite, so that neither side is measured at its own limit of jobs at once.
_ROOMY: Final = {"IMAGEGEN_CONCURRENCY": "512", "IMAGEGEN_MAX_WAITING": "1024", "IMAGEGEN_LOG_LEVEL": "warning"}


@dataclass(frozen=True, slots=True)
class Double:
    """The running fal double."""

    program: Program

    async def set(self, *, seconds: float, size: int = 200_000) -> None:
        """Let every request take so many seconds and give a picture of so many bytes."""
        await self._tell(seconds=str(seconds), bytes=str(size))

    async def release(self) -> None:
        """Complete every request that is at work."""
        await self._tell(release="1")

    async def counts(self) -> Mapping[str, int]:
        """How many requests were `submitted`, how many `results` and `pictures` were given."""
        return await self._tell()

    async def _tell(self, **said: str) -> Mapping[str, int]:
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            answer = await client.get(f"{self.program.url}/_double", params=said)
        return answer.raise_for_status().json()


@dataclass(frozen=True, slots=True)
class Servers:
    """Everything that runs beside what is measured.

    Attributes:
        settings: pointing at all of it.
        directory: for logs and data; it goes away at the end.
        double: the fal double.
        programs: the three servers by the names that people call them.
        is_roomy: whether imagegen is set up for many jobs at once; otherwise its settings are as they come.
    """

    settings: Settings
    directory: Path
    double: Double
    programs: Mapping[str, Program]
    is_roomy: bool = True

    def environ(self, **more: str) -> dict[str, str]:
        """The variables that make a program use these servers."""
        fal, mongodb, s3, nats = self.settings.fal, self.settings.mongodb, self.settings.s3, self.settings.nats
        assert mongodb.url and s3.access_key_id and s3.secret_access_key and nats.url  # noqa: PT018 - all set
        return {
            "FAL_KEY": KEY,
            "FAL_QUEUE_URL": fal.queue_url,
            "MONGODB_URL": mongodb.url.get_secret_value(),
            "MONGODB_DATABASE": "bench",
            "S3_BUCKET": str(s3.bucket),
            "S3_ENDPOINT_URL": str(s3.endpoint_url),
            "AWS_ACCESS_KEY_ID": s3.access_key_id.get_secret_value(),
            "AWS_SECRET_ACCESS_KEY": s3.secret_access_key.get_secret_value(),
            "NATS_URL": nats.url.get_secret_value(),
            "PYTHONPATH": str(ROOT),
            **(_ROOMY if self.is_roomy else {}),
            **more,
        }

    def address(self, name: str) -> str:
        """Where the service of this name will be."""
        return f"http://127.0.0.1:{free_ports(self.directory, name)[name]}"

    @asynccontextmanager
    async def service(self, name: str = "imagegen", *arguments: str, **more: str) -> AsyncGenerator[Program]:
        """Run `imagegen serve` against these servers, with more arguments and variables."""
        url = self.address(name)
        command = python_module("imagegen", "serve", "--port", url.rpartition(":")[2], *arguments)
        environ = self.environ(**more)
        async with running(
            *command, environ=environ, directory=self.directory, ready=f"{url}/health/ready", url=url
        ) as it:
            yield it

    @asynccontextmanager
    async def worker(self, **more: str) -> AsyncGenerator[Program]:
        """Run one `imagegen worker` more."""
        command = python_module("imagegen", "worker")
        async with running(*command, environ=self.environ(**more), directory=self.directory) as it:
            yield it

    @asynccontextmanager
    async def reference(self, module: str, name: str = "", **more: str) -> AsyncGenerator[Program]:
        """Run a reference of this folder (`bench.script`) against these servers, more than one under other names."""
        name = name or module
        port = free_ports(self.directory, name)[name]
        url = f"http://127.0.0.1:{port}"
        command = python_module(module, "--port", str(port))
        async with running(
            *command, environ=self.environ(**more), directory=self.directory, ready=f"{url}/ready", url=url
        ) as it:
            yield it


@asynccontextmanager
async def open_servers(directory: Path) -> AsyncGenerator[Servers]:
    """Start the double and the three servers, make the bucket, and stop everything at the end."""
    port = free_ports(directory, "double")["double"]
    url = f"http://127.0.0.1:{port}"
    wanted = Settings(fal=FalSettings(key=SecretStr(KEY), queue_url=url), service=ServiceSettings(data_dir=directory))
    command = python_module("bench.double", "--port", str(port))
    async with AsyncExitStack() as stack:
        environ = {"PYTHONPATH": str(ROOT)}
        double = await stack.enter_async_context(
            running(*command, environ=environ, directory=directory, ready=f"{url}/_double", url=url)
        )
        settings = await stack.enter_async_context(local_stack(wanted))
        servers = Servers(settings, directory, Double(double), await asyncio.to_thread(_programs))
        await _make_bucket(settings.s3)
        yield servers


def _programs() -> Mapping[str, Program]:
    children = psutil.Process().children(recursive=True)
    return {
        title: Program(child)
        for child in children
        for name, title in _SERVER_NAMES.items()
        if child.name().startswith(name)
    }


async def _make_bucket(s3: S3Settings) -> None:
    async with s3_client(s3, pool=1) as client:
        with suppress(client.exceptions.BucketAlreadyOwnedByYou):  # SeaweedFS makes the bucket of a local stack itself
            await client.create_bucket(Bucket=str(s3.bucket))
