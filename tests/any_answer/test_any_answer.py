"""Whatever fal responds, every job ends, paid for at most once and with a reason. `make any-answer` runs longer."""

import os
import random
from typing import Final

import pytest

from imagegen.settings import Settings
from tests.any_answer.promises import CaseEnd, broken_promises
from tests.any_answer.random_responses import CASES, EXAMPLES, Case
from tests.any_answer.run_cases import LONGEST, run_all
from tests.support.properties import HealthCheck, Phase, given, seed, settings

MANY: Final = int(os.environ.get("ANY_ANSWER_CASES", "10000"))
BATCH: Final = 250


def drawn(count: int, with_seed: int) -> list[Case]:
    """This number of different cases; the same seed gives the same ones."""
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


def report(ends: list[CaseEnd], exceptions: list[str]) -> str:
    """Every fault with its case, as readable text; empty if there is none."""
    faults = [f"{fault}: {end}" for end in ends for fault in broken_promises(end, LONGEST)]
    return "\n\n".join([*faults, *exceptions])


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_every_recorded_response_ends_a_job_correctly(stack: Settings) -> None:
    ends, exceptions = await run_all(EXAMPLES, stack, hinted=False)

    assert not (found := report(ends, exceptions)), found


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("hinted", [False, True], ids=["over the stream", "by webhooks"])
async def test_random_responses_end_jobs_correctly(stack: Settings, *, hinted: bool) -> None:
    ends, exceptions = await run_all(drawn(50, with_seed=1 + hinted), stack, hinted=hinted)

    assert not (found := report(ends, exceptions)), found


@pytest.mark.drill
@pytest.mark.timeout(0)
async def test_requested_number_of_cases_breaks_no_promise(stack: Settings) -> None:
    with_seed, slowest = int(os.environ.get("ANY_ANSWER_SEED") or random.randrange(2**31)), 0.0
    print(f"\nANY_ANSWER_SEED={with_seed}", flush=True)  # noqa: T201 - for the person who waits
    cases = drawn(MANY, with_seed)
    for start in range(0, len(cases), BATCH):
        ends, exceptions = await run_all(cases[start : start + BATCH], stack, hinted=start // BATCH % 2 == 1)
        slowest = max(slowest, *(end.seconds for end in ends))
        print(f"{start + len(ends)} of {len(cases)} cases; the slowest took {slowest:.1f} s", flush=True)  # noqa: T201

        assert not (found := report(ends, exceptions)), found
