"""The service with everything on, beside LiteLLM's proxy with its fal provider, which stores nothing."""

from dataclasses import replace
from typing import Final

from bench.figures import Case, Demand, Figures, Measured, Outcome, at_least, at_most, compare, speed
from bench.generating import generate, generating, jobs_per_round
from bench.litellm import URL, ask, litellm
from bench.plan import Plan
from bench.programs import Program
from bench.servers import Servers

_SECONDS: Final = 0.05
_AT_ONCE: Final = (1, 32, 128)
_KEPT: Final = "32 at once, LiteLLM's pictures kept as well"
_SKIPPED: Final = "LiteLLM is not installed: name its program with LITELLM=path (see below)."
_NOTE: Final = (
    "LiteLLM stores nothing. In the row where its pictures are kept, a small client (`bench/after_litellm.py`) does "
    "what its user still has to do: it fetches the picture, puts it into S3 and makes two writes. Its CPU counts too."
)


async def run(servers: Servers, plan: Plan) -> Outcome:
    """50 ms with 1, 32 and 128 requests at once, and 64 pictures of 2 s at once."""
    if plan.litellm is None:
        return Outcome(reference="LiteLLM", skipped=_SKIPPED)
    async with servers.service() as ours, litellm(servers, plan.litellm) as theirs:
        await servers.double.set(seconds=_SECONDS)
        await generate(ours, jobs=64, at_once=32)
        await ask(theirs, jobs=32, at_once=8)
        cases = [await _case(plan, ours, theirs, at_once) for at_once in _AT_ONCE]
        cases.append(await _kept(servers, plan, ours, theirs))
        await servers.double.set(seconds=2)
        cases.append(await compare("64 of 2 s at once", 1, _burst(ours), _burst_at_litellm(theirs)))
    outcome = Outcome(reference="LiteLLM", cases=cases, notes=[_NOTE])
    return replace(outcome, demands=_demands(outcome))


async def _case(plan: Plan, ours: Program, theirs: Program, at_once: int) -> Case:
    jobs = await jobs_per_round(ours, plan.seconds, at_once)
    subject, reference = generating(ours, jobs=jobs, at_once=at_once), _asking(theirs, jobs=jobs, at_once=at_once)
    return await compare(f"{at_once} at once", plan.rounds, subject, reference)


async def _kept(servers: Servers, plan: Plan, ours: Program, theirs: Program) -> Case:
    async with servers.reference("bench.after_litellm", **{URL: theirs.url}) as client:
        await generate(client, jobs=32, at_once=8)
        jobs = await jobs_per_round(ours, plan.seconds, 32)
        subject, reference = generating(ours, jobs=jobs, at_once=32), _keeping(client, theirs, jobs=jobs, at_once=32)
        return await compare(_KEPT, plan.rounds, subject, reference)


def _demands(outcome: Outcome) -> list[Demand]:
    added = outcome.subject_of("1 at once", "p50 ms") - _SECONDS * 1000
    later = outcome.subject_of("1 at once", "p99 ms") - outcome.reference_of("1 at once", "p99 ms")
    burst = outcome.subject_of("64 of 2 s at once", "all s")
    return [
        at_least("requests/s at 32: at least 1.5 times LiteLLM's", outcome.ratio("32 at once", "jobs/s"), 1.5),
        at_least("requests/s at 128: at least 1.5 times LiteLLM's", outcome.ratio("128 at once", "jobs/s"), 1.5),
        at_most("p99 at 1: at most 25 ms more than LiteLLM's", later, 25, "ms"),
        at_most("added to p50 at 1: less than LiteLLM's 25 ms", added, 25, "ms"),
        at_most("64 pictures of 2 s at once: all there in 2.5 s", burst, 2.5, "s"),
    ]


def _asking(proxy: Program, *, jobs: int, at_once: int) -> Measured:
    async def measured() -> Figures:
        spent = proxy.cpu_seconds
        return speed(await ask(proxy, jobs=jobs, at_once=at_once), proxy, spent)

    return measured


def _keeping(client: Program, proxy: Program, *, jobs: int, at_once: int) -> Measured:
    async def measured() -> Figures:
        both = client.cpu_seconds, proxy.cpu_seconds
        load = await generate(client, jobs=jobs, at_once=at_once)
        own, beside = speed(load, client, both[0]), speed(load, proxy, both[1])
        return {**own, **{name: own[name] + beside[name] for name in ("CPU ms/job", "RSS MiB")}}

    return measured


def _burst(ours: Program) -> Measured:
    async def measured() -> Figures:
        return {"all s": (await generate(ours, jobs=64, at_once=64)).seconds}

    return measured


def _burst_at_litellm(theirs: Program) -> Measured:
    async def measured() -> Figures:
        return {"all s": (await ask(theirs, jobs=64, at_once=64)).seconds}

    return measured
