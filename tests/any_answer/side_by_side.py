"""Runs many cases at once on one service: horizons take seconds, and a hundred of them take no longer than one."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final
from uuid import uuid4

import httpx
from answers_drawn import Case, Json
from processes import free_port
from promises import Ended
from pydantic import SecretStr
from service import Service, running

from imagegen.fal import Patience
from imagegen.settings import Settings

LONGEST: Final = 60.0  # seconds, on a machine that has other things to do
AT_ONCE: Final = 100
_QUICK: Final = {"fault": "latency", "queue": 0, "generation": 0}
_SHORT: Final = Patience(
    submit=timedelta(seconds=15),
    read=timedelta(seconds=15),
    first_read=timedelta(seconds=15),
    retrying=timedelta(seconds=1),
    first_retry=timedelta(seconds=0.2),
    first_poll=timedelta(seconds=0.1),
    longest_poll=timedelta(seconds=0.8),
    silence=timedelta(seconds=10),
    stream_life=timedelta(seconds=5),
    first_safety_poll=timedelta(seconds=1),
    safety_poll=timedelta(seconds=1),
    unreadable=timedelta(seconds=1),
    forgotten=timedelta(seconds=2),
    result=timedelta(seconds=2),
    same=3,
    same_for=timedelta(seconds=1),
)
_HORIZON: Final = timedelta(seconds=6)


class _Troubles(logging.Handler):
    """Keeps what no log may have: an exception that was met by no code of ours."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it, if it is one."""
        if record.exc_info or record.levelno >= logging.CRITICAL or record.name == "asyncio":
            self.found.append(logging.Formatter().format(record))


async def run_all(cases: Sequence[Case], stack: Settings, *, hinted: bool) -> tuple[list[Ended], list[str]]:
    """Run the cases side by side; how each ended, and the exceptions in the log.

    Args:
        cases: a few hundred at most; so many are under way at once as `AT_ONCE` says.
        stack: the servers.
        hinted: the service waits for fal's webhooks, not at fal's status streams.
    """
    troubles = _Troubles()
    logging.getLogger().addHandler(troubles)
    apart = [case for case in cases if case.may_pause_others]
    ends: list[Ended] = []
    try:
        for group in (apart, [case for case in cases if not case.may_pause_others]):
            async with _service(stack, hinted=hinted) as service:
                ends += await _run(group, service)
    finally:
        logging.getLogger().removeHandler(troubles)
    return ends, troubles.found


@asynccontextmanager
async def _service(stack: Settings, *, hinted: bool) -> AsyncGenerator[Service]:
    """A service of its own, with short horizons and room for all."""
    name, port = f"any-answer-{uuid4().hex[:12]}", free_port()
    service = {
        "concurrency": 512,
        "lease": timedelta(seconds=10),
        "job_timeout": 1.5 * _HORIZON,
        "queue_timeout": _HORIZON,
        "unknown_horizon": _HORIZON,
        "store_horizon": _HORIZON,
        "public_url": f"http://127.0.0.1:{port}" if hinted else None,
    }
    fal = {"key": SecretStr(f"{name}:secret"), "status_horizon": _HORIZON, "result_horizon": _HORIZON}
    settings = stack.model_copy(
        update={
            "fal": stack.fal.model_copy(update=fal),
            "mongodb": stack.mongodb.model_copy(update={"database": name}),
            "nats": stack.nats.model_copy(update={"stream": name}),
            "service": stack.service.model_copy(update=service),
        }
    )
    async with running(settings, port=port, patience=_SHORT) as service:
        yield service


async def _run(cases: Sequence[Case], service: Service) -> list[Ended]:
    prompts = [f"case {number}" for number in range(len(cases))]
    plans = [fault for case, prompt in zip(cases, prompts, strict=True) for fault in case.plan(prompt)]
    await service.sandbox.misbehaves(_QUICK, *plans)
    slots = asyncio.Semaphore(AT_ONCE)
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)  # the server closes idle ones
    async with httpx.AsyncClient(base_url=service.client.base_url, timeout=LONGEST + 30, limits=limits) as caller:
        jobs = await asyncio.gather(*(_end_of(*each, caller, slots) for each in zip(cases, prompts, strict=True)))
    paid = await service.sandbox.requests()
    return [
        Ended(case=case, job=job, seconds=seconds, paid=[row for row in paid if row["body"]["prompt"] == prompt])
        for case, prompt, (job, seconds) in zip(cases, prompts, jobs, strict=True)
    ]


async def _end_of(case: Case, prompt: str, caller: httpx.AsyncClient, slots: asyncio.Semaphore) -> tuple[Json, float]:
    """What came of a case, once it has a slot: its job in the end, and how many seconds that took."""
    async with slots:
        return await _asked_for(case, prompt, caller)


async def _asked_for(case: Case, prompt: str, caller: httpx.AsyncClient) -> tuple[Json, float]:
    """Ask for the job as the case's caller does, and wait for its end."""
    deadline = {} if case.deadline is None else {"deadlineSeconds": case.deadline}
    options = {"width": 64, "height": 64}
    body = {"model": "flux-pro", "inputs": {"prompt": prompt}, "options": options, "userId": "u", **deadline}
    accepted = await caller.post("/api/images/generate", json=body, headers={"prefer": "respond-async"})
    if case.may_pause_others and accepted.json().get("code") == "provider_account":
        return {"status": "refused"}, 0
    assert accepted.status_code == 202, accepted.text
    url, began = f"/api/jobs/{accepted.json()['jobId']}", time.monotonic()
    if case.cancel_after is not None:
        await asyncio.sleep(case.cancel_after)
        await caller.post(f"{url}/cancel")
    while True:
        job = (await caller.get(url, params={"wait": 20})).json()
        seconds = time.monotonic() - began
        if job["status"] not in {"queued", "running"} or seconds > LONGEST:
            return job, seconds
