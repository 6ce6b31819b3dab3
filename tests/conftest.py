"""Real servers for every test: started once per run, shared by its workers, isolated by name.

Each worker has its own database, bucket, stream and fal key. Nothing may reach beyond loopback, and a call that blocks
the event loop fails the test that made it.
"""

import asyncio
import os
import sys
import tempfile
import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import suppress
from pathlib import Path
from typing import Final, cast

import pytest
from blockbuster import BlockBuster
from hypothesis import settings as hypothesis_settings
from pydantic import SecretStr

from imagegen.local import join_local_stack, local_stack
from imagegen.settings import ServiceSettings, Settings

sys.path.insert(0, str(Path(__file__).parent / "support"))

from service import Service, running

_DATA_DIR: Final = "IMAGEGEN_TEST_DATA_DIR"
_SERVERS: Final = ("FAL_", "MONGODB_", "S3_", "NATS_", "AWS_")
_LOOPBACK: Final = ("127.", "::1", "localhost")

hypothesis_settings.register_profile("suite", deadline=None, derandomize=True, max_examples=60)
hypothesis_settings.load_profile("suite")


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers in the process that starts the workers; one that does not start fails the run."""
    if not hasattr(config, "workerinput"):
        for name in [name for name in os.environ if name.startswith(_SERVERS)]:
            del os.environ[name]
        config.stash[_STACK] = _Stack()


def pytest_unconfigure(config: pytest.Config) -> None:
    if _STACK in config.stash:
        config.stash[_STACK].stop()


class _Stack:
    """The local stack, on an event loop in a thread of its own; its directory tells the workers where it is."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="imagegen-tests-", ignore_cleanup_errors=True)
        os.environ[_DATA_DIR] = self._directory.name
        os.environ["IMAGEGEN_SANDBOX_LOOPBACK_ONLY"] = "1"
        self._loop, self._stop = asyncio.new_event_loop(), asyncio.Event()
        self._started, self._failure = threading.Event(), cast("BaseException | None", None)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            self._failure = error
        finally:
            self._loop.close()
            self._started.set()

    async def _serve(self) -> None:
        async with local_stack(_where()):
            self._started.set()
            await self._stop.wait()

    def stop(self) -> None:
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=20)
        self._directory.cleanup()


_STACK: Final = pytest.StashKey[_Stack]()


def _where() -> Settings:
    return Settings(service=ServiceSettings(data_dir=Path(os.environ[_DATA_DIR])))


def _only_loopback(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        host = str(cast("tuple[object, ...]", arguments[1])[0])
    elif event == "socket.getaddrinfo" and arguments[0] is not None:
        host = str(arguments[0])
    else:
        return
    if not host.startswith(_LOOPBACK):
        raise PermissionError(f"a test tried to reach {host}")


sys.addaudithook(_only_loopback)


@pytest.fixture(autouse=True)
def _no_blocking_call() -> Generator[None]:
    """A call that blocks the event loop, made by imagegen, raises where it is made."""
    guard = BlockBuster("imagegen")
    for function in guard.functions.values():
        # Files are read while the process starts, before anything is served.
        function.can_block_in("api/app.py", {"create_app"})
        function.can_block_in("storage/images.py", {"open_images"})
        function.can_block_in("storage/mongodb.py", {"open_collection"})
    guard.activate()
    yield
    guard.deactivate()


@pytest.fixture(scope="session")
def worker_name() -> str:
    return os.environ.get("PYTEST_XDIST_WORKER", "main")


@pytest.fixture(scope="session")
def stack(worker_name: str) -> Settings:
    """The settings of the running servers, with names of this worker's own."""
    shared = join_local_stack(_where())
    return shared.model_copy(
        update={
            "fal": shared.fal.model_copy(update={"key": SecretStr(f"{worker_name}:secret-of-the-tests")}),
            "mongodb": shared.mongodb.model_copy(update={"database": f"tests-{worker_name}"}),
            "s3": shared.s3.model_copy(update={"bucket": f"tests-{worker_name}"}),
            "nats": shared.nats.model_copy(update={"stream": f"tests-{worker_name}"}),
        }
    )


@pytest.fixture(scope="session")
async def service(stack: Settings) -> AsyncGenerator[Service]:
    """The whole service on a loopback port, with a runner, shared by the tests of this worker."""
    async with running(stack) as service:
        yield service
