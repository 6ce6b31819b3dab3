"""The promises under fire, in short. `make chaos` is the same for longer."""

from datetime import timedelta
from pathlib import Path

import pytest
from report import explain
from run import Plan, run


@pytest.mark.timeout(240)
async def test_whatever_is_killed_stopped_lost_or_late_no_job_is_lost_paid_twice_or_charged_wrongly(
    tmp_path: Path,
) -> None:
    plan = Plan(seed=1, seconds=30, jobs=60, pause=1.2, horizon=timedelta(seconds=20))

    verdict = await run(plan, tmp_path)

    assert verdict.is_good, explain(plan, verdict, tmp_path)
    assert verdict.table.columns["jobs"] >= plan.jobs
    assert min(verdict.table.columns[column] for column in ("kills", "stops", "restarts", "faults")) > 0
