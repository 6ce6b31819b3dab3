"""`imagegen usage rebuild` shows what differs, and mends it when told to."""

import asyncio
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from jobs_apart import a_job, apart
from processes import environment

from imagegen.jobs import JobStatus
from imagegen.settings import Settings
from imagegen.storage.jobs import open_jobs


async def rebuild(settings: Settings, *options: str) -> tuple[int | None, str]:
    """The exit status and all that is printed."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "imagegen", "usage", "rebuild", *options),
        env={**environment(settings), "COLUMNS": "200"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await child.communicate()
    return child.returncode, printed.decode()


async def test_a_difference_is_shown_then_mended_then_gone(stack: Settings) -> None:
    own = apart(stack)
    async with open_jobs(own.mongodb) as jobs:
        stored, _ = await jobs.insert(a_job(user_id="user"))
        job = await jobs.claim(stored.id, "runner", timedelta(seconds=30))
        assert job is not None
        at = datetime(2026, 3, 1, tzinfo=UTC)
        await jobs.save(replace(job, version=job.version + 1, status=JobStatus.COMPLETED, completed_at=at))
        await jobs.usage._usage.update_one({"day": {"$exists": True}}, {"$inc": {"charged": Decimal("1.20")}})  # pyright: ignore[reportPrivateUsage] - damages it on purpose

        shown, mended, gone = [await rebuild(own, *options) for options in ([], ["--apply"], [])]

    assert (shown[0], mended[0], gone[0]) == (1, 0, 0)
    assert ["2026-03-01", "user", "flux-pro", "charged", "1.25", "0.05"] in [
        [cell.strip() for cell in line.strip("│ ").split("│")] for line in shown[1].splitlines()
    ]
    assert "is what the jobs come to" in gone[1]
