from random import Random

import pytest

from tests.soak.flatness import Trend, Verdict, trend

HALF_AN_HOUR = 360  # samples, one every five seconds
ALLOWED = 8.0  # an hour


def judged(values: list[float], every: float = 5) -> Verdict:
    return trend([number * every for number in range(len(values))], values).verdict(ALLOWED)


def noise(rng: Random, count: int, *, size: float, alike: float = 0) -> list[float]:
    """Autocorrelated noise whose standard deviation is `size`."""
    values = [rng.gauss(0, size)]
    while len(values) < count:
        values.append(alike * values[-1] + rng.gauss(0, size) * (1 - alike**2) ** 0.5)
    return values


@pytest.mark.parametrize("alike", [0, 0.7])
@pytest.mark.parametrize("seed", range(10))
def test_noise_around_a_level_is_flat(seed: int, alike: float) -> None:
    values = [130 + each for each in noise(Random(seed), HALF_AN_HOUR, size=1, alike=alike)]

    assert judged(values) is Verdict.FLAT


@pytest.mark.parametrize("seed", range(40))
def test_slow_noise_is_no_growth(seed: int) -> None:
    assert judged(noise(Random(seed), HALF_AN_HOUR, size=1, alike=0.95)) is not Verdict.GROWING


@pytest.mark.parametrize("seed", range(10))
def test_leak_under_noise_is_found(seed: int) -> None:
    leaked = [130 + 20 * number * 5 / 3600 for number in range(HALF_AN_HOUR)]  # 20 an hour

    assert judged([a + b for a, b in zip(leaked, noise(Random(seed), HALF_AN_HOUR, size=1), strict=True)]) is (
        Verdict.GROWING
    )


def test_allowed_growth_passes_one_time_in_forty_at_most() -> None:
    rng = Random(1)
    steady = [130 + ALLOWED * number * 5 / 3600 for number in range(HALF_AN_HOUR)]
    runs = [
        [a + b for a, b in zip(steady, noise(rng, HALF_AN_HOUR, size=1, alike=0.8), strict=True)] for _ in range(400)
    ]

    assert sum(judged(values) is Verdict.FLAT for values in runs) <= 400 / 40 * 1.5


def test_growth_in_rare_steps_is_found() -> None:
    assert judged([130 + 2 * (number // 60) for number in range(HALF_AN_HOUR)]) is Verdict.GROWING


def test_growth_during_the_warm_up_is_flat() -> None:
    assert judged([100.0 + min(number, 80) for number in range(HALF_AN_HOUR)]) is Verdict.FLAT


def test_few_outliers_change_nothing() -> None:
    values = [10.0] * HALF_AN_HOUR
    values[-4:] = [500.0] * 4

    assert judged(values) is Verdict.FLAT


def test_shrinking_curve_is_flat() -> None:
    assert judged([130 - number * 0.1 for number in range(HALF_AN_HOUR)]) is Verdict.FLAT


def test_run_too_short_for_its_noise_is_undecided() -> None:
    assert judged(noise(Random(1), 20, size=5)) is Verdict.UNDECIDED


def test_few_samples_are_undecided() -> None:
    assert judged([1.0, 1.0, 1.0]) is Verdict.UNDECIDED


def test_constant_has_no_trend() -> None:
    assert trend([5.0 * n for n in range(100)], [7.0] * 100) == Trend(0, 0, 0, 7)
