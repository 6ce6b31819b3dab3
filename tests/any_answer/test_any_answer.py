"""Whatever fal answers, every job ends, soon, once paid at most, and says why. `make any-answer` tries for longer."""

import os
import random
from typing import Final

import pytest
from answers_drawn import CASES, EXAMPLES, Case
from hypothesis import HealthCheck, Phase, given, seed, settings
from promises import Ended, broken
from side_by_side import LONGEST, run_all

from imagegen.settings import Settings

MANY: Final = int(os.environ.get("ANY_ANSWER_CASES", "0"))
A_BATCH: Final = 250


def drawn(count: int, with_seed: int) -> list[Case]:
    """So many different cases; the same ones for the same seed."""
    cases: list[Case] = []

    @seed(with_seed)
    @settings(
        max_examples=count,
        phases=[Phase.generate],
        database=None,
        derandomize=False,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    )
    @given(CASES)
    def keep(case: Case) -> None:
        cases.append(case)

    keep()
    return cases


def report(ends: list[Ended], troubles: list[str]) -> str:
    """What is wrong, each with its case, for a person; empty if nothing is."""
    faults = [f"{fault}: {end}" for end in ends for fault in broken(end, LONGEST)]
    return "\n\n".join([*faults, *troubles])


@pytest.mark.timeout(180)
async def test_every_real_answer_ends_a_job_truly(stack: Settings) -> None:
    ends, troubles = await run_all(EXAMPLES, stack, hinted=False)

    assert not (found := report(ends, troubles)), found


@pytest.mark.timeout(180)
@pytest.mark.parametrize("hinted", [False, True], ids=["over the stream", "by webhooks"])
async def test_drawn_answers_end_jobs_truly(stack: Settings, *, hinted: bool) -> None:
    ends, troubles = await run_all(drawn(50, with_seed=1 + hinted), stack, hinted=hinted)

    assert not (found := report(ends, troubles)), found


@pytest.mark.skipif(not MANY, reason="only for as long as asked: make any-answer CASES=10000")
@pytest.mark.timeout(0)
async def test_as_many_cases_as_asked_break_no_promise(stack: Settings) -> None:
    with_seed, slowest = int(os.environ.get("ANY_ANSWER_SEED") or random.randrange(2**31)), 0.0
    print(f"\nANY_ANSWER_SEED={with_seed}", flush=True)  # noqa: T201 - for the person who waits
    cases = drawn(MANY, with_seed)
    for start in range(0, len(cases), A_BATCH):
        ends, troubles = await run_all(cases[start : start + A_BATCH], stack, hinted=start // A_BATCH % 2 == 1)
        slowest = max(slowest, *(end.seconds for end in ends))
        print(f"{start + len(ends)} of {len(cases)} cases; the slowest took {slowest:.1f} s", flush=True)  # noqa: T201

        assert not (found := report(ends, troubles)), found
