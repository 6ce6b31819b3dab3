"""The service with everything on, beside LiteLLM's proxy with its fal provider, which stores nothing."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from pydantic import JsonValue

from bench.figures import Case, Demand, Figures, Measured, Outcome, at_least, at_most, compare, speed
from bench.generating import generate, generating
from bench.load import Load, send
from bench.plan import Plan
from bench.programs import Program, free_ports, running
from bench.servers import Servers

_MASTER_KEY: Final = "sk-bench"
_SECONDS: Final = 0.05
_Shape = tuple[int, int, int]
# Requests at once, and jobs in a round of either side: LiteLLM makes no more a second, however many are sent.
_CASES: Final[tuple[_Shape, ...]] = ((1, 40, 40), (32, 160, 64), (128, 384, 128))
_BODY: Final[JsonValue] = {"model": "flux-schnell", "prompt": "a red fox", "n": 1, "size": "1024x768"}
_CONFIG: Final = """\
model_list:
  - model_name: flux-schnell
    litellm_params: {{model: fal_ai/fal-ai/flux/schnell, api_base: "{double}/sync", api_key: "bench:double"}}
    model_info: {{mode: image_generation}}
litellm_settings: {{request_timeout: 120, num_retries: 0, telemetry: false, callbacks: []}}
general_settings: {{master_key: {key}}}
"""
_SKIPPED: Final = "LiteLLM is not installed: name its program with LITELLM=path (see below)."


async def run(servers: Servers, plan: Plan) -> Outcome:
    """50 ms with 1, 32 and 128 requests at once, and 64 pictures of 2 s at once."""
    if plan.litellm is None:
        return Outcome(reference="LiteLLM", skipped=_SKIPPED)
    async with servers.service() as ours, _litellm(servers, plan.litellm) as theirs:
        await servers.double.set(seconds=_SECONDS)
        await generate(ours, jobs=64, at_once=32)
        await _ask(theirs, jobs=32, at_once=8)
        cases = [await _case(plan.rounds, ours, theirs, case) for case in _CASES]
        await servers.double.set(seconds=2)
        cases.append(await compare("64 of 2 s at once", 1, _burst(ours), _burst_at_litellm(theirs)))
    outcome = Outcome(reference="LiteLLM", cases=cases)
    return replace(outcome, demands=_demands(outcome))


async def _case(rounds: int, ours: Program, theirs: Program, shape: _Shape) -> Case:
    at_once, jobs, fewer = shape
    subject = generating(ours, jobs=jobs, at_once=at_once)
    reference = _asking(theirs, jobs=fewer, at_once=at_once)
    return await compare(f"{at_once} at once", rounds, subject, reference)


def _demands(outcome: Outcome) -> list[Demand]:
    added = outcome.subject_of("1 at once", "p50 ms") - _SECONDS * 1000
    burst = outcome.subject_of("64 of 2 s at once", "all s")
    return [
        at_least("requests/s at 32: at least 2.5 times LiteLLM's", outcome.ratio("32 at once", "jobs/s"), 2.5),
        at_most("added to p50 at 1: less than LiteLLM's 25 ms", added, 25, "ms"),
        at_most("64 pictures of 2 s at once: all there in 2.5 s", burst, 2.5, "s"),
    ]


def _asking(litellm: Program, *, jobs: int, at_once: int) -> Measured:
    async def measured() -> Figures:
        spent = litellm.cpu_seconds
        return speed(await _ask(litellm, jobs=jobs, at_once=at_once), litellm, spent)

    return measured


def _burst(ours: Program) -> Measured:
    async def measured() -> Figures:
        return {"all s": (await generate(ours, jobs=64, at_once=64)).seconds}

    return measured


def _burst_at_litellm(theirs: Program) -> Measured:
    async def measured() -> Figures:
        return {"all s": (await _ask(theirs, jobs=64, at_once=64)).seconds}

    return measured


async def _ask(litellm: Program, *, jobs: int, at_once: int) -> Load:
    headers = {"authorization": f"Bearer {_MASTER_KEY}"}
    url = f"{litellm.url}/v1/images/generations"
    return await send(url, requests=jobs, at_once=at_once, bodies=[_BODY], headers=headers)


@asynccontextmanager
async def _litellm(servers: Servers, program: Path) -> AsyncGenerator[Program]:
    """Its best case: one worker, no database, no Redis, no callbacks, prices from its own package."""
    port = free_ports(servers.directory, "litellm")["litellm"]
    config = servers.directory / "litellm.yaml"
    config.write_text(_CONFIG.format(double=servers.double.program.url, key=_MASTER_KEY), encoding="utf-8")
    url = f"http://127.0.0.1:{port}"
    command = (str(program), "--config", str(config), "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1")
    environ = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    async with running(
        *command, environ=environ, directory=servers.directory, ready=f"{url}/health/liveliness", url=url
    ) as it:
        yield it
