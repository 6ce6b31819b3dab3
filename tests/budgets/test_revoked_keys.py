"""A key that is revoked under load: it gets no further job, and its jobs end and leave their budget as any others."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack

import httpx
import pytest

from imagegen.settings import Settings
from imagegen.storage.stores import open_stores
from tests.support.keys import bearer
from tests.support.service import FLUX, Json, Service, running

ASYNC: Mapping[str, str] = {"Prefer": "respond-async"}
PRICE = 0.05
pytestmark = pytest.mark.slow


class Load:
    """Callers with one key at one service, who stop at the first refusal."""

    def __init__(self, service: Service, token: str) -> None:
        self._service, self._headers = service, {**bearer(token), **ASYNC}
        self.accepted: list[str] = []
        self.refused: list[httpx.Response] = []
        self.late: list[str] = []

    async def run(self, callers: int = 4) -> None:
        await asyncio.gather(*(self._call() for _ in range(callers)))

    async def _call(self) -> None:
        while True:
            knew = bool(self.refused)
            answer = await self._service.client.post("/api/images/generate", json=FLUX, headers=self._headers)
            if answer.status_code == httpx.codes.UNAUTHORIZED.value:
                self.refused.append(answer)
                return
            job_id = answer.raise_for_status().json()["jobId"]
            (self.late if knew else self.accepted).append(job_id)


async def administered(root: Service, method: str, path: str, body: Json | None = None) -> Json:
    answer = await root.client.request(method, path, json=body)
    return answer.raise_for_status().json() if answer.content else {}


async def test_a_key_revoked_under_load_gets_no_further_job_and_its_jobs_settle(own: Settings) -> None:
    async with AsyncExitStack() as stack:
        root, other = [await stack.enter_async_context(running(own)) for _ in range(2)]
        made = await administered(root, "POST", "/api/keys", {"name": "root", "scopes": ["admin", "generate", "read"]})
        root.client.headers["Authorization"] = f"Bearer {made['token']}"
        shop = await administered(root, "POST", "/api/keys", {"name": "shop"})
        scope: Json = {"kind": "key", "value": shop["id"]}
        budget = await administered(root, "POST", "/api/budgets", {"name": "shop", "scope": scope, "amount": 1000})
        loads = [Load(root, shop["token"]), Load(other, shop["token"])]
        async with asyncio.timeout(60):
            while not other.services.budget_directory.current():
                await asyncio.sleep(0.02)
            working = asyncio.gather(*(load.run() for load in loads))
            while not all(len(load.accepted) > 5 for load in loads):
                await asyncio.sleep(0.02)
        await administered(root, "DELETE", f"/api/keys/{shop['id']}")
        async with asyncio.timeout(30):
            await working

        accepted = {*loads[0].accepted, *loads[1].accepted}
        jobs = [await root.ended(job_id) for job_id in accepted]
        async with open_stores(own.mongodb) as stores, asyncio.timeout(30):
            while (found := await administered(root, "GET", f"/api/budgets/{budget['id']}"))["reserved"]:
                await asyncio.sleep(0.1)  # jobs are settled shortly after their ends
            drifts = await stores.budget_reconciliation.audit()
            stored = await stores.jobs._jobs.count_documents({})  # pyright: ignore[reportPrivateUsage] - of nobody else

    assert [load.late for load in loads] == [[], []]
    assert {job["status"] for job in jobs} == {"completed"}
    assert (drifts, stored) == ([], len(accepted))
    assert found["used"] == round(PRICE * len(accepted), 2)
