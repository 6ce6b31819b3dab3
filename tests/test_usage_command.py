"""`imagegen usage rebuild` shows what differs, and corrects it with --apply."""

import asyncio
import json
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from imagegen.cli.exit_codes import ExitCode
from imagegen.jobs import JobStatus
from imagegen.settings import Settings
from imagegen.storage.stores import open_stores
from tests.support.jobs_apart import a_job, apart
from tests.support.processes import environment


async def rebuild(settings: Settings, *options: str) -> tuple[int | None, str, str]:
    """The exit code, stdout and stderr."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "imagegen", "usage", "rebuild", *options),
        env=environment(settings),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, told = await child.communicate()
    return child.returncode, printed.decode(), told.decode()


@pytest.mark.slow
async def test_a_difference_is_shown_then_corrected_then_gone(stack: Settings) -> None:
    own = apart(stack)
    async with open_stores(own.mongodb) as stores:
        jobs = stores.jobs
        stored, _ = await jobs.insert(a_job(user_id="user"))
        job = await jobs.claim(stored.id, "runner", timedelta(seconds=30))
        assert job is not None
        at = datetime(2026, 3, 1, tzinfo=UTC)
        await jobs.save(replace(job, version=job.version + 1, status=JobStatus.COMPLETED, completed_at=at))
        await stores.usage.count_pending()
        await stores.usage._usage.update_one({"day": {"$exists": True}}, {"$inc": {"charged": Decimal("1.20")}})  # pyright: ignore[reportPrivateUsage] - damages it on purpose

        shown, in_json, corrected, gone = [
            await rebuild(own, *options) for options in ([], ["--json"], ["--apply"], [])
        ]

    assert [shown[0], in_json[0], corrected[0], gone[0]] == [
        ExitCode.FOUND_FAULTS,
        ExitCode.FOUND_FAULTS,
        ExitCode.OK,
        ExitCode.OK,
    ]
    assert [line.split() for line in shown[1].splitlines()] == [
        ["PERIOD", "USER", "MODEL", "FIGURE", "STORED", "RECOMPUTED"],
        ["2026-03-01", "user", "flux-pro", "charged", "1.25", "0.05"],
    ]
    (difference,) = json.loads(in_json[1])["data"]["differences"]
    assert (difference["stored"]["charged"], difference["recomputed"]["charged"]) == (1.25, 0.05)
    assert difference["recomputed"].keys() >= {"jobs", "providerCost", "unpricedJobs"}
    assert (gone[1], "matches the jobs" in gone[2]) == ("", True)
