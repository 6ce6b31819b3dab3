"""The Python client as it is published: built, installed, typed, and used while the service is killed."""

import asyncio
import json
import shutil
import sys
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest

from imagegen.settings import Settings
from tests.support.clients import PYTHON, address, billed, run
from tests.support.processes import free_port, serving
from tests.support.service import Service

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
TYPED: Final = """\
import asyncio

from imagegen_client import AsyncImagegen, Image, Imagegen, Job

client = Imagegen(user="ann")
job: Job = client.run("flux-pro", prompt="x", user="u", timeout=3, num_images=2)
image: Image = job.images[0]
client.run("flux-pro", prompt=1)  # refused
client.run("flux-pro")  # refused
client.run("flux-pro", prompt="x", no_such=1)  # refused
client.run("flux-por", prompt="x")  # refused
client.submit("own", words="A fox", size=3)  # refused
client.submit("own", inputs={"words": 3})
client.subscribe("flux-pro", prompt="x")  # refused
client.subscribe("flux-pro", prompt="x", on_event=lambda event: print(event.stage))
client.estimate("flux-pro", num_images=300)
client.batch([{"model": "flux-pro", "prompt": "x"}, {"model": "flux-dev", "prompt": "y", "deadline": 3}])
client.batch([{"model": "own", "inputs": {"words": "x"}}], partial=True)
client.batch([{"model": "own", "inputs": {"words": "x"}}], partial=1)  # refused
client.batch([{"model": "flux-pro", "promt": "x"}])  # refused
client.run("nano-banana-edit", prompt="x", image_urls="http")  # refused
client.run("flux-dev", prompt="x", image_size={"width": 3})  # refused
client.jobs(status="completed", limit=3)  # refused


async def main() -> None:
    async with AsyncImagegen() as several:
        print([(await several.run("flux-dev", prompt="x")).images[0].url])
        await several.run("flux-dev", prompt=2)  # refused


asyncio.run(main())
"""
PROGRAM: Final = """\
import json, sys
from imagegen_client import Imagegen
job = Imagegen(sys.argv[1], user="ann").run("flux-pro", prompt=sys.argv[2], timeout=100)
print(json.dumps([job.status, job.images[0].save(sys.argv[3]).stat().st_size, job.images[0].size_bytes]))
"""


@pytest.fixture(scope="module")
async def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An environment with nothing but the wheel and what it needs."""
    folder = tmp_path_factory.mktemp("clean")
    await asyncio.to_thread(shutil.copytree, PYTHON, folder / "source")
    status, printed = await run(sys.executable, "-m", "hatchling", "build", "-d", "../built", folder=folder / "source")
    assert status == 0, printed
    (wheel,) = (folder / "built").glob("*.whl")
    assert len(list((folder / "built").glob("*.tar.gz"))) == 1
    own = folder / "venv/bin/python"
    for command in ([sys.executable, "-m", "venv", "venv"], [str(own), "-m", "pip", "install", "--quiet", str(wheel)]):
        status, printed = await run(*command, folder=folder)
        assert status == 0, printed
    return str(own)


async def test_the_wheel_works_in_a_clean_environment(python: str, service: Service, tmp_path: Path) -> None:
    status, printed = await run(python, "-c", PROGRAM, address(service), "A fox", "fox.jpg", folder=tmp_path)

    assert status == 0, printed
    ended, saved, size = json.loads(printed)
    assert (ended, saved) == ("completed", size)


async def test_pyright_accepts_the_package_and_refuses_what_is_wrong_for_a_model(python: str, tmp_path: Path) -> None:
    (tmp_path / "typed.py").write_text(TYPED)
    (tmp_path / "pyrightconfig.json").write_text(json.dumps({"typeCheckingMode": "strict", "include": ["typed.py"]}))

    _, printed = await run(
        sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", python, folder=tmp_path
    )  # fmt: skip
    refused = {each["range"]["start"]["line"] for each in json.loads(printed)["generalDiagnostics"]}
    status, own = await run(sys.executable, "-m", "pyright", "-p", str(PYTHON), "--pythonpath", python, folder=tmp_path)

    assert refused == {number for number, line in enumerate(TYPED.splitlines()) if line.endswith("# refused")}
    assert status == 0, own


async def test_a_service_that_is_killed_meanwhile_is_paid_once(
    python: str, stack: Settings, service: Service, tmp_path: Path
) -> None:
    prompt, port = uuid4().hex, free_port()
    url = f"http://127.0.0.1:{port}"
    settings = stack.model_copy(
        update={
            "mongodb": stack.mongodb.model_copy(update={"database": f"killed-{port}"}),
            "nats": stack.nats.model_copy(update={"stream": f"killed-{port}"}),
        }
    )
    await service.sandbox.misbehaves({"fault": "latency", "generation": 4})
    try:
        async with serving(settings, tmp_path, port=port) as first:
            running = asyncio.create_task(run(python, "-c", PROGRAM, url, prompt, "fox.jpg", folder=tmp_path))
            async with asyncio.timeout(30):
                while not await billed(service, prompt):
                    await asyncio.sleep(0.05)
            await first.kill()
        async with serving(settings, tmp_path, port=port):
            status, printed = await running
    finally:
        await service.sandbox.behaves()

    *_, told = printed.splitlines()  # below the warning that the service does not answer
    assert (status, json.loads(told)[0]) == (0, "completed"), printed
    assert len(await billed(service, prompt)) == 1
