import asyncio
import os
import stat
from pathlib import Path

import psutil
import pytest
from dirty_equals import IsStr

from imagegen.errors import LocalServerError
from imagegen.local import join_local_stack, local_stack
from imagegen.settings import FalSettings
from tests.local.local_servers import (
    NAMED,
    SERVERS,
    Up,
    alive,
    documents,
    eventually,
    everything_unset,
    get,
    listener,
    listening,
    only_unset,
    port_of,
    put,
    works,
)


async def test_every_server_works_once_the_stack_is_up(up: Up) -> None:
    first_answers = await asyncio.gather(*(works(up.settings, server) for server in SERVERS))

    assert dict(zip(SERVERS, first_answers, strict=True)) == dict.fromkeys(SERVERS, True)


async def test_stack_is_ready_in_under_5_s(up: Up) -> None:
    assert up.seconds < 5


async def test_settings_point_at_the_local_servers(up: Up) -> None:
    sandbox = f"http://127.0.0.1:{port_of(up.settings, 'fal')}"
    shown = {
        "fal": up.settings.fal.model_dump(exclude={"key", "status_horizon", "result_horizon"}),
        "bucket": up.settings.s3.bucket,
        "service": up.settings.service,
        "still unset": up.settings.unset_servers,
    }

    assert shown == {
        "fal": {
            "queue_url": sandbox,
            "api_url": f"{sandbox}/v1",
            "rest_url": sandbox,
            "jwks_url": f"{sandbox}/.well-known/jwks.json",
            "concurrency": None,
        },
        "bucket": "imagegen",
        "service": everything_unset(up.directory).service,
        "still unset": (),
    }


async def test_no_server_listens_beyond_loopback(up: Up) -> None:
    hosts = {host for child in psutil.Process().children(recursive=True) for host, _ in listening(child)}

    assert (up.seconds > 0, hosts) == (True, {"127.0.0.1"})


async def test_every_server_has_its_log_file(up: Up) -> None:
    logs = {log.name: log.stat().st_size > 0 for log in (up.directory / "logs").iterdir()}

    assert logs == {"mongodb.log": True, "nats.log": True, "s3.log": True, "sandbox.log": logs["sandbox.log"]}


async def test_files_with_secrets_are_private(up: Up) -> None:
    modes = {name: stat.S_IMODE((up.directory / name).stat().st_mode) for name in ("stack.json", "s3.json")}

    assert modes == {"stack.json": 0o600, "s3.json": 0o600}


@pytest.mark.parametrize("server", SERVERS)
async def test_killed_server_is_restarted_on_its_port(up: Up, server: str) -> None:
    port = port_of(up.settings, server)
    killed = listener(port)
    assert killed
    killed.kill()

    await eventually(lambda: (now := listener(port)) is not None and now.pid != killed.pid)
    await eventually(lambda: asyncio.run(_works_by_now(up, server)))


async def _works_by_now(up: Up, server: str) -> bool:
    try:
        return await works(up.settings, server)
    except Exception:  # noqa: BLE001 - each client has errors of its own for a server that is starting
        return False


async def test_server_dies_with_its_watcher_and_is_restarted(up: Up) -> None:
    port = port_of(up.settings, "nats")
    server = listener(port)
    assert server
    watcher = server.parent()
    assert watcher
    watcher.kill()

    await eventually(lambda: not alive(server))
    await eventually(lambda: listener(port) is not None)


async def test_second_stack_in_a_directory_is_refused(up: Up) -> None:
    with pytest.raises(LocalServerError) as refusal:
        await local_stack(everything_unset(up.directory)).__aenter__()

    assert str(refusal.value) == (
        f"Another imagegen (process {os.getpid()}) already runs its local servers in {up.directory}. "
        "Stop it, or give this one another directory in IMAGEGEN_DATA_DIR."
    )


async def test_worker_joins_the_running_stack(up: Up) -> None:
    assert await asyncio.to_thread(join_local_stack, everything_unset(up.directory)) == up.settings


async def test_worker_keeps_servers_named_by_variables(up: Up) -> None:
    key = FalSettings.model_validate({"FAL_KEY": "id:secret"})
    own = everything_unset(up.directory).model_copy(update={"fal": key})

    assert await asyncio.to_thread(join_local_stack, own) == up.settings.model_copy(update={"fal": key})


async def test_worker_without_a_stack_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LocalServerError, match=r"No local servers run in .+: start `imagegen serve` there first"):
        await asyncio.to_thread(join_local_stack, everything_unset(tmp_path))


async def test_stack_starts_only_unset_servers(tmp_path: Path) -> None:
    async with local_stack(only_unset(tmp_path, "nats")) as settings:
        with pytest.raises(LocalServerError) as refusal:
            await asyncio.to_thread(join_local_stack, only_unset(tmp_path, "nats", "s3"))
        found = (settings.model_copy(update={"nats": NAMED.nats}), [log.name for log in (tmp_path / "logs").iterdir()])

    assert (found, str(refusal.value)) == (
        (only_unset(tmp_path), ["nats.log"]),
        f"The imagegen that runs in {tmp_path} has no local server for: S3_BUCKET.",
    )


async def test_stack_without_unset_servers_touches_no_files(tmp_path: Path) -> None:
    settings = only_unset(tmp_path)
    async with local_stack(settings) as same:
        outcome = (same, join_local_stack(settings), await asyncio.to_thread(os.listdir, tmp_path))

    assert outcome == (settings, settings, [])


async def test_data_and_addresses_survive_a_restart(tmp_path: Path) -> None:
    async with local_stack(everything_unset(tmp_path)) as before:
        await documents(before, add=2)
        await put(before, b"a picture")
    async with local_stack(everything_unset(tmp_path)) as after:
        kept = (after, await documents(after), await get(after))

    assert kept == (before, 2, b"a picture")


async def test_database_works_on_another_port(tmp_path: Path) -> None:
    settings = only_unset(tmp_path, "mongodb")
    async with local_stack(settings) as before:
        await documents(before, add=2)
    (tmp_path / "ports.json").unlink()
    async with local_stack(settings) as after:
        found = (await documents(after, add=1), after.mongodb != before.mongodb)

    assert found == (3, True)


async def test_stopped_stack_leaves_no_process_or_address(tmp_path: Path) -> None:
    others = {process.pid for process in psutil.Process().children(recursive=True)}
    async with local_stack(only_unset(tmp_path, "nats")):
        started = [p for p in psutil.Process().children(recursive=True) if p.pid not in others]

    assert ([alive(process) for process in started], (tmp_path / "stack.json").exists()) == ([False, False], False)


async def test_servers_do_not_get_our_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FAL_KEY", "MONGODB_URL", "AWS_SECRET_ACCESS_KEY", "S3_BUCKET"):
        monkeypatch.setenv(name, "a-secret-of-ours")
    async with local_stack(only_unset(tmp_path, "nats")) as settings:
        server = listener(port_of(settings, "nats"))
        assert server
        environment = server.environ()

    assert (environment["PATH"], "a-secret-of-ours" in environment.values()) == (IsStr(min_length=1), False)
