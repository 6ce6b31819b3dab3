import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from imagegen.local import local_stack, watch
from imagegen.local.addresses import point_at
from tests.local.local_servers import alive, documents, everything_unset, works

SERVE = """
import asyncio, json, sys
from pathlib import Path
from imagegen.local import local_stack
from imagegen.settings import ServiceSettings, Settings

async def serve():
    async with local_stack(Settings(service=ServiceSettings(data_dir=Path(sys.argv[1])))):
        print("ready", flush=True)
        await asyncio.sleep(60)

asyncio.run(serve())
"""
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


@pytest.mark.slow
async def test_servers_end_with_a_killed_parent(tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVE, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout
    assert await parent.stdout.readline() == b"ready\n"
    addresses = json.loads((tmp_path / "stack.json").read_bytes())
    before = point_at(everything_unset(tmp_path), addresses)
    await documents(before, add=2)
    servers = psutil.Process(parent.pid).children(recursive=True)
    parent.kill()
    await parent.wait()

    async with local_stack(everything_unset(tmp_path)) as after:
        outlived = [server for server in servers if alive(server)]
        found = (after, await documents(after), await works(after, "s3"))

    assert (len(servers), outlived, found) == (8, [], (before, 2, True))


async def test_server_that_ignores_sigterm_is_killed() -> None:
    command = (sys.executable, "-I", "-S", watch.__file__, sys.executable, "-c", STUBBORN)
    watcher = await asyncio.create_subprocess_exec(
        *command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    assert watcher.stdin
    assert watcher.stdout
    await watcher.stdout.readline()
    (server,) = psutil.Process(watcher.pid).children()
    began = time.monotonic()
    watcher.stdin.close()
    await asyncio.wait_for(watcher.wait(), 10)

    assert watch.GRACE <= time.monotonic() - began < watch.GRACE + 2
    assert not alive(server)
