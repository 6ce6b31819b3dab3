"""A soak of a few seconds: too short for a verdict, long enough to see that everything is sampled."""

from pathlib import Path

import pytest

from tests.soak.course import MEASURES
from tests.soak.plot import draw
from tests.soak.soaking import Plan, soak
from tests.soak.verdict import outcome

pytestmark = pytest.mark.slow


@pytest.mark.timeout(240)
async def test_every_process_is_sampled_and_every_job_ends(tmp_path: Path) -> None:
    plan = Plan(seconds=3, rate=8, pause=60, burst=8, hang=0.2, serves=1, workers=1)

    soaked = await soak(plan, tmp_path)

    found = outcome(plan, soaked)
    draw(soaked.course.curves, tmp_path / "soak.png")
    assert soaked.faults == []
    assert soaked.callers > 8 + 8
    assert {(curve.process, curve.measure) for curve in soaked.course.curves} == {
        (process, measure) for process in ("serve-1", "worker-1") for measure in MEASURES
    }
    assert [case.name for case in found.cases] == ["serve-1", "worker-1"]
    assert len(found.demands) == 6 + 1
    assert (tmp_path / "soak.png").stat().st_size > 10_000
