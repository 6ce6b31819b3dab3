"""The pauses between retries."""

from datetime import timedelta
from itertools import islice

import pytest

from imagegen.clock import backoff, jitter, pauses

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("failures", "growth", "expected"),
    [(1, 2, 1), (2, 2, 2), (4, 2, 8), (5, 2, 10), (3, 3, 9), (2, 1.6, 1.6), (10**6, 1.6, 10)],
)
def test_backoff_grows_up_to_the_longest_pause(failures: int, growth: float, expected: float) -> None:
    assert backoff(failures, SECOND, 10 * SECOND, growth) == timedelta(seconds=expected)


def test_pauses_are_backoffs_with_jitter() -> None:
    found = list(islice(pauses(SECOND, 10 * SECOND), 30))

    assert all(0.75 * SECOND <= pause <= 1.25 * SECOND for pause in found[:1])
    assert all(7.5 * SECOND <= pause <= 12.5 * SECOND for pause in found[4:])
    assert len(set(found)) == len(found)


def test_jitter_stays_within_its_spread() -> None:
    assert all(0.9 <= jitter(0.1) <= 1.1 for _ in range(1000))
