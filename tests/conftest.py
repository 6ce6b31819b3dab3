"""Real servers for every test: started once per run, shared by its workers, isolated by name.

Each worker has its own database, bucket, stream and fal key. Nothing may reach beyond loopback, and a call that blocks
the event loop fails the test that made it. What only some tests need is imported when the first of them runs, so that a
run of pure tests starts in under a second.
"""

import asyncio
import gc
import logging
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import pytest

if TYPE_CHECKING:
    from blockbuster import BlockBuster

    from imagegen.settings import Settings
    from tests.support.receiver import Receiver
    from tests.support.service import Sandbox, Service

_DATA_DIR: Final = "IMAGEGEN_TEST_DATA_DIR"
_PREFIX: Final = "imagegen-tests-"
_ROOM: Final = 8 * 2**30
_SERVERS: Final = ("FAL_", "MONGODB_", "S3_", "NATS_", "AWS_")
_SANDBOX: Final = {
    "IMAGEGEN_SANDBOX_LOOPBACK_ONLY": "1",
    "IMAGEGEN_SANDBOX_QUEUE_SECONDS": "0.02",
    "IMAGEGEN_SANDBOX_GENERATION_SECONDS": "0.1",
    "IMAGEGEN_SANDBOX_DETAIL": "128",
}
_LOOPBACK: Final = ("127.", "::1", "localhost")
_AUTHORITIES: Final = ("SSL_CERT_FILE", "AWS_CA_BUNDLE")


def pytest_configure(config: pytest.Config) -> None:
    """Let the process that starts the workers start the servers, once a test asks for them."""
    if not hasattr(config, "workerinput"):
        for name in [name for name in os.environ if name.startswith(_SERVERS)]:
            del os.environ[name]
        config.stash[_STACK] = _Stack()


def pytest_collection_finish() -> None:
    """Leave what is there by now out of garbage collections: thousands of tests, and every module."""
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Spare a run without property tests the import of hypothesis: its summary would import it all the same."""
    plugins = session.config.pluginmanager
    if "hypothesis" not in sys.modules and not plugins.hasplugin("dsession"):
        plugins.unregister(name="hypothesispytest")


def pytest_unconfigure(config: pytest.Config) -> None:
    if _STACK in config.stash:
        config.stash[_STACK].stop()


class _Stack:
    """The local stack, on an event loop in a thread of its own; its directory tells the workers where it is.

    It starts when the first test asks for it: a run of pure tests starts no server.
    """

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(
            prefix=f"{_PREFIX}{os.getpid()}-", dir=_in_memory(), ignore_cleanup_errors=True
        )
        os.environ[_DATA_DIR] = self._directory.name
        os.environ |= _SANDBOX | dict.fromkeys(_AUTHORITIES, str(_one_authority(Path(self._directory.name))))
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not _marker("wanted").exists():
            if self._stopping.wait(0.02):
                return
        try:
            asyncio.run(self._serve())
        except Exception as error:  # noqa: BLE001 - told to every worker that waits for it
            _marker("failed").write_text(repr(error), encoding="utf-8")

    async def _serve(self) -> None:
        from imagegen.local import local_stack

        async with local_stack(_where()):
            _marker("started").touch()
            while not self._stopping.is_set():
                await asyncio.sleep(0.1)

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(timeout=20)
        self._directory.cleanup()


def _in_memory() -> str | None:
    """A directory in memory, if there is room: the servers wait for the disk at every durable write."""
    memory = Path("/dev/shm")  # noqa: S108 - the directory is made by tempfile
    if not memory.is_dir():
        return None
    for left in memory.glob(f"{_PREFIX}*-*"):  # by runs that were killed
        if not Path("/proc", left.name.removeprefix(_PREFIX).partition("-")[0]).exists():
            shutil.rmtree(left, ignore_errors=True)
    return str(memory) if shutil.disk_usage(memory).free > _ROOM else None


def _one_authority(directory: Path) -> Path:
    """A file with the first of the usual authorities: each client would read all of them, which takes it 70 ms."""
    import certifi

    file, end = directory / "tests-authority.pem", "-----END CERTIFICATE-----\n"
    file.write_text("".join(certifi.contents().partition(end)[:2]), encoding="utf-8")
    return file


def _marker(name: str) -> Path:
    return Path(os.environ[_DATA_DIR]) / f"tests-{name}"


def _start_the_stack() -> None:
    """Have the first process start the servers, and wait until they answer."""
    _marker("wanted").touch()
    while not _marker("started").exists():
        if _marker("failed").exists():
            pytest.exit(f"the local stack did not start: {_marker('failed').read_text(encoding='utf-8')}")
        time.sleep(0.02)


_STACK: Final = pytest.StashKey[_Stack]()


def _where() -> "Settings":
    from imagegen.settings import ServiceSettings, Settings

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


@pytest.fixture(scope="session")
def _blockbuster() -> "BlockBuster":
    from blockbuster import BlockBuster

    guard = BlockBuster("imagegen")
    for function in guard.functions.values():
        # Files are read while the process starts, before anything is served.
        function.can_block_in("api/app.py", {"create_app"})
        function.can_block_in("storage/images/store.py", {"open_images"})
        function.can_block_in("storage/mongodb.py", {"open_collection"})
    return guard


@pytest.fixture(autouse=True)
def _no_blocking_call(_blockbuster: "BlockBuster") -> Generator[None]:
    """A call that blocks the event loop, made by imagegen, raises where it is made."""
    _blockbuster.activate()
    yield
    _blockbuster.deactivate()


@pytest.fixture(autouse=True)
def _logging_as_before() -> Generator[None]:
    """A command that runs in the test's process sets up the log; the next test finds it as it was."""
    root = logging.getLogger()
    level, handlers, levels = root.level, list(root.handlers), _logger_levels()
    yield
    for name, _ in _logger_levels().items() - levels.items():
        logging.getLogger(name).setLevel(levels.get(name, logging.NOTSET))
    root.setLevel(level)
    root.handlers[:] = handlers


def _logger_levels() -> dict[str, int]:
    loggers = logging.root.manager.loggerDict.items()
    return {name: logger.level for name, logger in loggers if isinstance(logger, logging.Logger)}


@pytest.fixture(scope="session")
def worker_name() -> str:
    return os.environ.get("PYTEST_XDIST_WORKER", "main")


@pytest.fixture(scope="session")
def stack(worker_name: str) -> "Settings":
    """The settings of the running servers, with names of this worker's own."""
    from pydantic import SecretStr

    from imagegen.local import join_local_stack

    _start_the_stack()
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
async def service(stack: "Settings") -> "AsyncGenerator[Service]":
    """The whole service on a loopback port, with a runner, shared by the tests of this worker."""
    from tests.support.service import running

    async with running(stack) as service:
        yield service


@pytest.fixture(scope="module", autouse=True)
def _databases_end_with_their_module() -> Generator[None]:
    """Set up before the module's other fixtures, and so torn down after them."""
    apart = "tests.support.jobs_apart"
    left = sys.modules[apart].count_databases() if apart in sys.modules else 0
    yield
    if apart in sys.modules:
        sys.modules[apart].drop_databases(left)


@pytest.fixture
def own(stack: "Settings") -> "Settings":
    """The servers, with a database, a stream and a key at fal of this test's own."""
    from tests.support.jobs_apart import apart

    return apart(stack)


@pytest.fixture
async def sandbox(own: "Settings") -> "AsyncGenerator[Sandbox]":
    """The sandbox's control endpoint, for the key of this test."""
    from tests.support.service import sandbox_of

    async with sandbox_of(own) as sandbox:
        yield sandbox


@pytest.fixture
async def receiver() -> "AsyncGenerator[Receiver]":
    """A receiver of webhooks."""
    from tests.support.receiver import receiving

    async with receiving() as receiver:
        yield receiver
