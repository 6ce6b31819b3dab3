"""What a job costs beside the service before it was rebuilt for speed."""

from dataclasses import replace
from typing import Final

from bench.figures import Demand, Outcome, at_least, at_most
from bench.plan import Plan
from bench.servers import Servers
from bench.suites.before import ADDED, AS_IT_COMES, MONGODB, beside

_BEFORE: Final = "4571f23"


async def run(servers: Servers, plan: Plan) -> Outcome:
    """50 ms with 1, 32 and 128 requests at once, and 32 with the settings as they come."""
    outcome = await beside(_BEFORE, servers, plan)
    return replace(outcome, demands=_demands(outcome))


def _demands(outcome: Outcome) -> list[Demand]:
    rates = [outcome.ratio(f"{count} at once", "jobs/s") for count in (32, 128)]
    plain = outcome.ratio(AS_IT_COMES, "CPU ms/job"), outcome.ratio(AS_IT_COMES, "jobs/s")
    return [
        at_most("CPU per job at 32: at most 0.6 times", outcome.ratio("32 at once", "CPU ms/job"), 0.6),
        at_least("jobs/s at 32 and 128, the worse: at least 1.5 times", min(rates), 1.5),
        at_most("p50 above fal's 50 ms, alone: at most 0.6 times", outcome.ratio("1 at once", ADDED), 0.6),
        at_most("CPU per job alone: at most 0.6 times", outcome.ratio("1 at once", "CPU ms/job"), 0.6),
        at_most("MongoDB's CPU per job at 32: at most 0.7 times", outcome.ratio("32 at once", MONGODB), 0.7),
        at_most("CPU per job at 32, settings as they come: at most 0.6 times", plain[0], 0.6),
        at_least("jobs/s at 32, settings as they come: at least 1.5 times", plain[1], 1.5),
    ]
