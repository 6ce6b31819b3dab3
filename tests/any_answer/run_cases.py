"""Runs many cases concurrently on one service, so that a hundred of them take no longer than one."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final
from uuid import uuid4

import httpx
from pydantic import SecretStr

from imagegen.fal import FalTimeouts
from imagegen.settings import Settings
from tests.any_answer.promises import CaseEnd
from tests.any_answer.random_responses import Case, Json
from tests.support.processes import free_port
from tests.support.service import Service, running

LONGEST: Final = 60.0  # seconds, on a busy machine
AT_ONCE: Final = 100
_QUICK: Final = {"fault": "latency", "queue": 0, "generation": 0}
_SHORT: Final = FalTimeouts(
    submit=timedelta(seconds=15),
    read=timedelta(seconds=15),
    first_read=timedelta(seconds=15),
    submit_retry_window=timedelta(seconds=1),
    first_submit_pause=timedelta(seconds=0.2),
    first_poll=timedelta(seconds=0.1),
    max_poll=timedelta(seconds=0.8),
    stream_silence=timedelta(seconds=10),
    stream_lifetime=timedelta(seconds=5),
    first_safety_poll=timedelta(seconds=1),
    safety_poll=timedelta(seconds=1),
    status_unreadable=timedelta(seconds=1),
    status_missing=timedelta(seconds=2),
    result_missing=timedelta(seconds=2),
    min_repeats=3,
    min_repeat_time=timedelta(seconds=1),
)
_HORIZON: Final = timedelta(seconds=6)


class _ExceptionRecorder(logging.Handler):
    """Records unhandled exceptions, which no log may have."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Record it if it is one."""
        if record.exc_info or record.levelno >= logging.CRITICAL or record.name == "asyncio":
            self.found.append(logging.Formatter().format(record))


async def run_all(cases: Sequence[Case], stack: Settings, *, hinted: bool) -> tuple[list[CaseEnd], list[str]]:
    """Run the cases concurrently, at most `AT_ONCE` at a time.

    Args:
        cases: a few hundred at most.
        stack: the servers.
        hinted: whether the service waits for fal's webhooks instead of following status streams.

    Returns:
        How each case ended, and the exceptions in the log.
    """
    recorder = _ExceptionRecorder()
    logging.getLogger().addHandler(recorder)
    pausing = [case for case in cases if case.may_pause_others]
    ends: list[CaseEnd] = []
    try:
        for group in (pausing, [case for case in cases if not case.may_pause_others]):
            async with _service(stack, hinted=hinted) as service:
                ends += await _run(group, service)
    finally:
        logging.getLogger().removeHandler(recorder)
    return ends, recorder.found


@asynccontextmanager
async def _service(stack: Settings, *, hinted: bool) -> AsyncGenerator[Service]:
    """A service of its own, with short horizons and enough concurrency for all cases."""
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
    async with running(settings, port=port, fal_timeouts=_SHORT) as service:
        yield service


async def _run(cases: Sequence[Case], service: Service) -> list[CaseEnd]:
    prompts = [f"case {number}" for number in range(len(cases))]
    plans = [fault for case, prompt in zip(cases, prompts, strict=True) for fault in case.plan(prompt)]
    await service.sandbox.misbehaves(_QUICK, *plans)
    slots = asyncio.Semaphore(AT_ONCE)
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)  # the server closes idle ones
    async with httpx.AsyncClient(base_url=service.client.base_url, timeout=LONGEST + 30, limits=limits) as caller:
        jobs = await asyncio.gather(*(_run_case(*each, caller, slots) for each in zip(cases, prompts, strict=True)))
    paid = await service.sandbox.requests()
    return [
        CaseEnd(case=case, job=job, seconds=seconds, paid=[row for row in paid if row["body"]["prompt"] == prompt])
        for case, prompt, (job, seconds) in zip(cases, prompts, jobs, strict=True)
    ]


async def _run_case(case: Case, prompt: str, caller: httpx.AsyncClient, slots: asyncio.Semaphore) -> tuple[Json, float]:
    """Run a case once it has a slot; returns its final job and the seconds that it took."""
    async with slots:
        return await _request_job(case, prompt, caller)


async def _request_job(case: Case, prompt: str, caller: httpx.AsyncClient) -> tuple[Json, float]:
    """Request the job as the case's caller does, and wait for its end."""
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
