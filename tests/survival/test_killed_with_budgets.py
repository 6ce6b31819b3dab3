"""kill -9 after each step of a budget: once another process ran and reconciled, the counters equal the jobs."""

import asyncio
import signal
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Final

import httpx
import pytest

from imagegen.jobs import FINAL_STATUSES, Job, JobStatus
from imagegen.registry import load_registry
from imagegen.settings import Settings
from imagegen.storage.stores import Stores, open_stores
from tests.support.budget_office import BudgetOffice
from tests.support.budget_periods import PRICE, counters, period_of
from tests.support.processes import dying, serving
from tests.support.service import FLUX

USERS: Final = ("ann", "bob")
OF_EACH, OF_ALL, CALLERS = 8, 12, 30
AT_ONCE: Final = timedelta(0)
BUDGETS: Final = "imagegen.storage.budgets"
STEPS: Final = [
    (f"{BUDGETS}.rounds", "Rounds.begin"),
    (f"{BUDGETS}.counters", "BudgetCounters.reserve"),
    (f"{BUDGETS}.rounds", "Rounds.drop_jobs"),
    ("imagegen.storage.jobs.store", "Jobs.insert"),
    (f"{BUDGETS}.ledger", "Ledger.add"),
    (f"{BUDGETS}.rounds", "Rounds.end"),
    (f"{BUDGETS}.counters", "BudgetCounters.settle"),
    (f"{BUDGETS}.settlement", "Settlement._mark"),
]
pytestmark = [
    pytest.mark.usefixtures("service"),
    pytest.mark.slow,
    pytest.mark.timeout(360),
]  # which creates the bucket


async def call(client: httpx.AsyncClient, user: str) -> str | None:
    """Ask for a job; returns its id if it is accepted. The process may be killed meanwhile."""
    try:
        answer = await client.post(
            "/api/images/generate", json={**FLUX, "userId": user}, headers={"Prefer": "respond-async"}
        )
    except httpx.TransportError:
        return None
    assert answer.status_code in {202, 402}, answer.text
    return answer.json()["jobId"] if answer.status_code == httpx.codes.ACCEPTED.value else None


async def all_ended(stores: Stores) -> list[Job]:
    """Every job of the database, once all of them have ended."""
    async with asyncio.timeout(150):  # reconciliation finds some within 45 s, and asks fal of those that were under way
        while True:
            ids = [each["_id"] async for each in stores.jobs._jobs.find({}, {"_id": 1})]  # pyright: ignore[reportPrivateUsage] - of whichever user
            jobs = [await stores.jobs.get(job_id) for job_id in ids]
            if all(job.status in FINAL_STATUSES for job in jobs):
                return jobs
            await asyncio.sleep(0.2)


@pytest.mark.parametrize(("module", "step"), STEPS, ids=[step for _, step in STEPS])
async def test_killed_after_a_step_the_counters_equal_the_jobs(
    own: Settings, tmp_path: Path, module: str, step: str
) -> None:
    async with open_stores(own.mongodb) as stores:
        office = BudgetOffice(stores, own, load_registry())
        of_all = await office.create(scope={"kind": "all"}, amount=float(OF_ALL * PRICE))
        of_each = await office.create(scope={"kind": "user", "value": "*"}, amount=float(OF_EACH * PRICE))
        is_dropped = (
            step == "Rounds.drop_jobs"
        )  # certain only if one user's budget refuses what that of all has room for
        async with dying(own, tmp_path, module, step, calls=1 if is_dropped else 2) as first:
            calls = [call(first.client, USERS[0 if is_dropped else number % 2]) for number in range(CALLERS)]
            known = {job_id for job_id in await asyncio.gather(*calls) if job_id is not None}
            status = await asyncio.wait_for(first.process.wait(), 60)
        # A job that was killed between its intent and the POST is looked for at fal until then.
        async with serving(own, tmp_path, {"IMAGEGEN_UNKNOWN_HORIZON": "10s"}) as second:
            jobs = await all_ended(stores)
            known |= {job_id for user in USERS * 3 if (job_id := await call(second.client, user)) is not None}
            jobs = await all_ended(stores)
        assert await stores.budget_reconciliation.audit() == []
        for _ in range(2):  # what a round has locked is settled once that round is finished
            await stores.budget_reconciliation.reconcile(AT_ONCE)
            assert await stores.budget_reconciliation.audit() == []
        assert await stores.budget_rounds.older_than(AT_ONCE) == []
        spent = [await counters(stores, period_of(of_all))]
        spent += [await counters(stores, period_of(of_each, user)) for user in USERS]

    completed = Counter(job.user_id for job in jobs if job.status is JobStatus.COMPLETED)
    assert status == -signal.SIGKILL
    assert known <= {job.id for job in jobs}
    assert spent == [(count * PRICE, 0) for count in (completed.total(), *(completed[user] for user in USERS))]
    assert completed.total() <= OF_ALL
    assert max(completed.values(), default=0) <= OF_EACH
