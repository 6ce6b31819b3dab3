"""A short chaos run. `make chaos` is the same for longer."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.chaos.report import explain
from tests.chaos.run import Plan, run

pytestmark = pytest.mark.slow


@pytest.mark.timeout(700)
async def test_disturbances_lose_no_job_and_no_money(
    tmp_path: Path,
) -> None:
    plan = Plan(seed=1, seconds=30, jobs=60, pause=1.2, horizon=timedelta(seconds=20))

    verdict = await run(plan, tmp_path)

    assert verdict.is_good, explain(plan, verdict, tmp_path)
    assert verdict.table.columns["jobs"] >= plan.jobs
    assert min(verdict.table.columns[column] for column in ("kills", "stops", "restarts", "faults")) > 0
