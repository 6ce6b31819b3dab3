"""Judges whether a curve is flat, with a confidence interval.

Samples a few seconds apart are correlated: a job that is open in one is open in the next. So they are averaged in
blocks, the slope through the blocks is the Theil-Sen estimate, which is robust against a few outliers, and its interval
is widened by the correlation that is left between neighboring blocks.

A short or noisy run shows no growth, but no flatness either. So a curve is flat only if its *whole* interval lies below
what is allowed. One that really grows by that much passes one time in forty, regardless of the number of curves.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from statistics import fmean
from typing import Final, Protocol, cast

WARM_UP: Final = 0.25  # of a run: caches, pools and allocators fill up
BLOCKS: Final = 24
_CONFIDENCE: Final = 0.95
_MOST_ALIKE: Final = 0.9
_FEWEST: Final = 4
_NO_BOUND: Final = 1e9  # infinity has no place in JSON


class Verdict(StrEnum):
    """What a curve is. `undecided`: the run was too short, or too noisy, to tell."""

    FLAT = "flat"
    GROWING = "growing"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Trend:
    """Growth per hour with the ends of its 95 % confidence interval, and the mean level."""

    per_hour: float
    low: float
    high: float
    level: float

    def verdict(self, allowed: float) -> Verdict:
        """Judge against a growth per hour that is allowed."""
        if self.high <= allowed:
            return Verdict.FLAT
        return Verdict.GROWING if self.low > allowed else Verdict.UNDECIDED


def trend(seconds: Sequence[float], values: Sequence[float]) -> Trend:
    """The trend after the warm-up, of samples at about equal distances."""
    first = math.floor(len(values) * WARM_UP)
    hours = _blocks([second / 3600 for second in seconds[first:]])
    levels = _blocks(values[first:])
    if len(levels) < _FEWEST:
        return Trend(0, -_NO_BOUND, _NO_BOUND, fmean(values) if values else 0)
    slope = _theil_sen(hours, levels)
    spread = _widening([level - slope.slope * hour for hour, level in zip(hours, levels, strict=True)])
    return Trend(
        per_hour=slope.slope,
        low=slope.slope - spread * (slope.slope - slope.low_slope),
        high=slope.slope + spread * (slope.high_slope - slope.slope),
        level=fmean(levels),
    )


def _blocks(values: Sequence[float]) -> Sequence[float]:
    """The means of blocks of equal length; the remainder at the beginning is dropped."""
    length = max(1, len(values) // BLOCKS)
    first = len(values) % length
    return [fmean(values[start : start + length]) for start in range(first, len(values), length)]


class _Slope(Protocol):
    slope: float
    low_slope: float
    high_slope: float


def _theil_sen(hours: Sequence[float], levels: Sequence[float]) -> _Slope:
    from scipy import stats  # noqa: PLC0415 # pyright: ignore[reportMissingTypeStubs] - half a second for every run of the tests

    return cast("_Slope", stats.theilslopes(levels, hours, _CONFIDENCE))  # pyright: ignore[reportUnknownMemberType]


def _widening(residuals: Sequence[float]) -> float:
    """How much wider the interval is than that of independent blocks, because a block like the last one tells less."""
    middle = fmean(residuals)
    around = [residual - middle for residual in residuals]
    square = sum(each * each for each in around)
    alike = sum(one * other for one, other in pairwise(around)) / square if square else 0
    alike = min(_MOST_ALIKE, max(0, alike))
    return math.sqrt((1 + alike) / (1 - alike))
