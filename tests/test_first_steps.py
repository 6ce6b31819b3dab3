"""The first steps of the pages: the demo, an image in a bucket of your own, the first API keys."""

import asyncio
import hashlib
import os
import re
import shlex
import sys
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Final

import httpx
import pytest
from dotenv import dotenv_values

from imagegen.keys import KeyScope
from imagegen.net.pool import open_pool
from imagegen.registry.loading import FIRST_MODELS
from imagegen.settings import S3Settings, ServiceSettings, Settings
from imagegen.storage.images.store import open_images
from imagegen.storage.stores import open_stores
from tests.support.bucket import open_bucket
from tests.support.jobs_apart import apart
from tests.support.pages import ROOT, Block, Page, send
from tests.support.processes import answers, environment, free_port, imagegen, inherited
from tests.support.shown import reads_as

pytestmark = pytest.mark.slow

README: Final = Page(ROOT / "README.md")
OWN_SERVERS: Final = Page(ROOT / "docs/guides/own-servers.md")
PRODUCTION: Final = Page(ROOT / "docs/guides/production.md")


def block(page: Page, first_line: str) -> Block:
    """The block of the page that begins like this."""
    (found,) = [block for block in page.blocks if block.text.startswith(first_line)]
    return found


def variables() -> dict[str, str]:
    """An environment that names no server."""
    kept = ("PATH", "HOME", "IMAGEGEN_SANDBOX_LOOPBACK_ONLY")
    return inherited() | {name: os.environ[name] for name in kept if name in os.environ}


async def run(*command: str, folder: Path, environ: Mapping[str, str] | None = None) -> tuple[int | None, str]:
    """A program's exit code and output."""
    child = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env={**variables(), **(environ or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await child.communicate()
    return child.returncode, printed.decode()


async def test_the_demo_saves_an_image_of_the_first_models(tmp_path: Path) -> None:
    assert "`make demo ONCE=1`" in README.text
    _, recipe = await run("make", "--dry-run", "--assume-old=.venv/.ready", "demo", "ONCE=1", folder=ROOT)
    program, *arguments = shlex.split(recipe)
    status, printed = await run(sys.executable, "-m", program.rpartition("/")[2], *arguments, folder=tmp_path)

    assert status == 0, printed
    saved = {file.stem: file.stat().st_size for file in (tmp_path / "demo-output").iterdir()}
    assert saved.keys() == FIRST_MODELS
    assert min(saved.values()) > 0
    links = re.findall(r"^    http://localhost:\d+/api/images/\w{26}/0$", printed, re.MULTILINE)
    assert (len(links), max(map(len, printed.splitlines())) <= 80, "\x1b" in printed) == (len(saved), True, False)


@pytest.fixture
async def own(stack: Settings, worker_name: str) -> AsyncGenerator[S3Settings]:
    """A bucket of your own, on a server that imagegen did not start."""
    s3 = stack.s3.model_copy(update={"bucket": f"own-bucket-{worker_name}"})
    async with (
        open_pool(8) as pool,
        open_images(s3, ServiceSettings(), pool, frozenset()) as images,
    ):
        await images.bucket.create_if_missing()
        yield s3


def dotenv_of(s3: S3Settings, folder: Path) -> None:
    """Write the page's block for `.env`, with this bucket in it."""
    assert s3.access_key_id is not None
    assert s3.secret_access_key is not None
    shown = folder / "shown.env"
    shown.write_text(block(OWN_SERVERS, "S3_BUCKET=").text)
    values = {
        "S3_BUCKET": str(s3.bucket),
        "S3_ENDPOINT_URL": str(s3.endpoint_url),
        "AWS_ACCESS_KEY_ID": s3.access_key_id.get_secret_value(),
        "AWS_SECRET_ACCESS_KEY": s3.secret_access_key.get_secret_value(),
        "AWS_REGION": s3.region,
    }
    assert dotenv_values(shown).keys() == values.keys()
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in values.items()))


async def test_the_doctor_prints_what_the_page_shows(own: S3Settings, tmp_path: Path) -> None:
    dotenv_of(own, tmp_path)
    shown = block(OWN_SERVERS, "RESULT ").text.replace("bucket pictures", f"bucket {own.bucket}")
    status, printed = await run(sys.executable, "-m", "imagegen", "doctor", folder=tmp_path)

    assert status == 0, printed
    assert reads_as(shown, printed), printed


async def test_the_first_image_is_in_your_own_bucket(own: S3Settings, tmp_path: Path) -> None:
    dotenv_of(own, tmp_path)
    first = next(example for example in README.examples() if example.request.path == "/api/images/generate")
    port = free_port()
    environ = variables()
    async with (
        imagegen("serve", "--port", str(port), environ=environ, directory=tmp_path, port=port) as running,
        open_bucket(own) as bucket,
        httpx.AsyncClient(timeout=30) as browser,
    ):
        await answers(running)
        (image,) = (await send(first.request, running.client, "")).json()["images"]
        through_link = (await browser.get(image["url"])).content
        stored = await bucket.bytes_of(image["key"])
        assert await running.ask_to_end() == 0

    assert image["url"].startswith(f"{own.endpoint_url}/{own.bucket}/{image['key']}?")
    assert [hashlib.sha256(found).hexdigest() for found in (stored, through_link)] == [image["sha256"]] * 2


async def test_first_keys_are_added_and_listed_as_shown(database: Settings, tmp_path: Path) -> None:
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/bin").symlink_to(Path(sys.executable).parent)
    lines = block(PRODUCTION, ".venv/bin/imagegen keys add").text
    status, printed = await run("sh", "-ec", lines, folder=tmp_path, environ=environment(database))

    assert status == 0, printed
    async with open_stores(database.mongodb) as stores:
        operator, trial = await stores.api_keys.all()
    assert (operator.name, operator.scopes) == ("operator", tuple(KeyScope))
    assert (trial.name, trial.users, trial.models) == ("trial", ("user123",), ("flux-dev",))
    assert [key.id in printed for key in (operator, trial)] == [True, True]


@pytest.fixture
def database(stack: Settings) -> Settings:
    """The running servers, with a database of its own."""
    return apart(stack)
