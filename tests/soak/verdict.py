"""Judges the curves of a soak, as an outcome for the benchmarks page."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Final

from bench.figures import Case, Demand, Outcome, Spread
from tests.soak.course import MEASURES, Curve
from tests.soak.flatness import Trend, Verdict, trend
from tests.soak.soaking import Plan, Soaked

PLOT: Final = "soak.png"
QUESTION: Final = (
    "Does anything grow that should not, in a fleet under steady load whose servers and whose fal misbehave?"
)
_RULE: Final = (
    "Growth is per hour, with its 95 % confidence interval in parentheses: samples after the first quarter of the run, "
    "averaged in 24 blocks, the slope of Theil and Sen, its interval widened by the autocorrelation of what is left. "
    "What is opened for each caller is counted at rest: every 75 seconds the load pauses, and there is one look 12 "
    "seconds after the last job has ended and was told of, and the last request was answered. "
    "A curve is flat if the whole interval lies below what is allowed ({allowed}); otherwise it grows, or the run was "
    "too short to tell, and `make soak` ends with status 1."
)


def outcome(plan: Plan, soaked: Soaked) -> Outcome:
    """The whole outcome: met if every curve is flat and nothing else went wrong."""
    judged = [curve for curve in soaked.course.curves if MEASURES[curve.measure] is not None]
    trends = {(curve.process, curve.measure): trend(curve.seconds, curve.values) for curve in judged}
    cases = [
        Case(name=process, subject=_figures(list(curves), trends), reference={}, ratio={})
        for process, curves in groupby(judged, key=lambda curve: curve.process)
    ]
    demands = [_demand(measure, allowed, trends) for measure, allowed in MEASURES.items() if allowed is not None]
    wrong = len(soaked.faults)
    words = "every job has ended, every process is still the same one and ready, every answer was a rightful one"
    demands.append(Demand(words=words, measured=f"{wrong} faults", is_met=not wrong))
    return Outcome(subject="growth per hour", cases=cases, demands=demands, notes=_notes(plan, soaked))


def _figures(curves: Sequence[Curve], trends: Mapping[tuple[str, str], Trend]) -> Mapping[str, Spread]:
    figures: dict[str, Spread] = {}
    for curve in curves:
        found = trends[curve.process, curve.measure]
        figures[curve.measure] = Spread(found.per_hour, found.low, found.high)
    return figures


def _demand(measure: str, allowed: float, trends: Mapping[tuple[str, str], Trend]) -> Demand:
    """The verdict on the worst process."""
    process, worst = max(
        ((process, found) for (process, name), found in trends.items() if name == measure),
        key=lambda item: (item[1].verdict(allowed) is Verdict.GROWING, item[1].high),
    )
    verdict = worst.verdict(allowed)
    measured = f"{verdict}: {worst.per_hour:+.2f} an hour ({worst.low:+.2f} to {worst.high:+.2f}) in {process}"
    return Demand(
        words=f"{measure} of every process: less than {allowed:g} more in an hour, shown with 95 % confidence",
        measured=measured,
        is_met=verdict is Verdict.FLAT,
    )


def _notes(plan: Plan, soaked: Soaked) -> Sequence[str]:
    struck = ", ".join(f"{name} {times}" for name, times in soaked.struck)
    allowed = ", ".join(f"{name} {growth:g}" for name, growth in MEASURES.items() if growth)
    first = (
        f"`make soak MINUTES={plan.seconds / 60:g}`: {plan.serves} `serve` and {plan.workers} `worker`. First a burst "
        f"of {plan.burst} callers at once, while every server hung for {plan.hang:g} s: it took "
        f"{soaked.burst:.0f} s, and belongs to the warm-up."
    )
    then = (
        f"Then {plan.rate:g} callers in a second, {soaked.callers} in all, who wait, poll, hang up, cancel, try again, "
        f"follow events, send batches, upload, page through the history, delete, and are told by webhooks. Meanwhile: "
        f"{struck}. No process of imagegen was touched."
    )
    return [f"![What each process held]({PLOT})", f"{first} {then}", _RULE.format(allowed=allowed)]
