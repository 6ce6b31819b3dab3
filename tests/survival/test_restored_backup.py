"""MongoDB restored from a backup, as docs/operations.md says: requests sent since then are not paid for again."""

import asyncio
import sys
from datetime import timedelta
from typing import Any

import pytest
from dirty_equals import IsPartialDict
from pymongo import AsyncMongoClient  # noqa: TID251 - restores what MongoDB has

from imagegen.settings import Settings
from tests.support.pages import ROOT, Block, Page
from tests.support.service import FLUX, Sandbox, running

pytestmark = pytest.mark.slow


def the_program() -> Block:
    (program,) = [block for block in Page(ROOT / "docs/operations.md").blocks if block.language == "python"]
    return program


async def mark_as_unknown(own: Settings) -> str:
    """Run the page's program as an operator would; returns its output."""
    assert own.mongodb.url is not None
    environ = {"MONGODB_URL": own.mongodb.url.get_secret_value(), "MONGODB_DATABASE": own.mongodb.database}
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", the_program().text, env=environ, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await child.communicate()
    assert child.returncode == 0
    return printed.decode()


async def accepted(own: Settings, *prompts: str) -> list[str]:
    async with running(own, with_runner=False) as service:
        return [await service.accept({**FLUX, "inputs": {"prompt": prompt}}) for prompt in prompts]


@pytest.fixture
def impatient(own: Settings) -> Settings:
    limits = {"lease": timedelta(seconds=3), "unknown_horizon": timedelta(seconds=4)}
    return own.model_copy(update={"service": own.service.model_copy(update=limits)})


async def test_requests_sent_since_the_backup_are_found_and_not_repeated(impatient: Settings, sandbox: Sandbox) -> None:
    assert impatient.mongodb.url is not None
    jobs = await accepted(impatient, "a lighthouse", "a harbour")
    async with AsyncMongoClient[dict[str, Any]](impatient.mongodb.url.get_secret_value()) as client:
        collection = client[impatient.mongodb.database]["jobs"]
        backup = await collection.find().to_list()
        async with running(impatient) as service:
            assert [(await service.ended(job))["status"] for job in jobs] == ["completed", "completed"]
        for document in backup:
            await collection.replace_one({"_id": document["_id"]}, document)
    (never_sent,) = await accepted(impatient, "a bridge")

    printed = await mark_as_unknown(impatient)

    async with running(impatient) as service:
        ended = [await service.ended(job) for job in (*jobs, never_sent)]
    assert printed == "3 jobs are looked for at fal.ai\n"
    assert [job["status"] for job in ended] == ["completed", "completed", "failed"]
    assert ended[-1] == IsPartialDict(
        error=IsPartialDict(code="submission_unknown"), cost=IsPartialDict(totalCost=0), images=[]
    )
    assert len(await sandbox.requests()) == 2
