"""What each end of a job leaves of a budget: unusual ones, too, and a store that is away."""

import asyncio
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from imagegen.jobs import SubmissionState
from imagegen.settings import Settings
from tests.support.door import door, through
from tests.support.processes import free_port
from tests.support.service import FLUX, Json, Sandbox, Service, running

LOST: Json = {"fault": "submit_drop", "when": "after_accepting", "times": 1}
EMPTY_HISTORY: Json = {"fault": "history_empty"}
TWO: Json = {**FLUX, "options": {"num_images": 2}}


async def budget(service: Service, amount: float) -> str:
    made = await service.client.post("/api/budgets", json={"name": "all", "scope": {"kind": "all"}, "amount": amount})
    assert made.status_code == 201, made.text
    return made.json()["id"]


async def spent(service: Service, budget_id: str) -> tuple[float, float]:
    found = (await service.client.get(f"/api/budgets/{budget_id}")).json()
    return found["used"], found["reserved"]


async def settled(service: Service, budget_id: str) -> float:
    """What is used once nothing is reserved any more; the counters equal the jobs then."""
    async with asyncio.timeout(30):
        while (now := await spent(service, budget_id))[1]:
            await asyncio.sleep(0.1)
    assert await service.services.budget_reconciliation.audit() == []
    return now[0]


def with_limits(own: Settings, **limits: object) -> Settings:
    changes = {"lease": timedelta(seconds=3), **limits}
    return own.model_copy(update={"service": own.service.model_copy(update=changes)})


@pytest.mark.parametrize(
    ("fault", "more", "code"),
    [
        ({"fault": "model_fails", "type": "content_policy_violation"}, {}, "input_refused"),
        ({"fault": "model_fails", "type": "no_media_generated"}, {}, "output_refused"),
        ({"fault": "latency", "queue": 0, "generation": 60}, {"deadlineSeconds": 1}, "deadline_exceeded"),
    ],
    ids=["refused", "nothing generated", "expired"],
)
async def test_a_job_that_ends_without_images_releases_its_part(
    own: Settings, sandbox: Sandbox, fault: Json, more: Json, code: str
) -> None:
    await sandbox.misbehaves(fault)
    async with running(own) as service:
        limit = await budget(service, 0.05)
        job = await service.ended(await service.accept({**FLUX, **more}))

        assert (job["status"], job["error"]["code"]) == ("failed", code)
        assert await settled(service, limit) == 0


async def test_a_job_with_fewer_images_costs_only_those(own: Settings, sandbox: Sandbox) -> None:
    await sandbox.misbehaves({"fault": "fewer_pictures", "count": 1})
    async with running(own) as service:
        limit = await budget(service, 0.10)
        job = await service.ended(await service.accept(TWO))

        assert (job["status"], await settled(service, limit)) == ("completed", 0.05)


async def test_a_lost_request_holds_its_part_until_its_horizon(own: Settings, sandbox: Sandbox) -> None:
    await sandbox.misbehaves(LOST, EMPTY_HISTORY)
    async with running(with_limits(own, unknown_horizon=timedelta(seconds=3))) as service:
        limit = await budget(service, 0.05)
        job_id = await service.accept()
        async with asyncio.timeout(30):
            while (await service.services.jobs.get(job_id)).submission.state is not SubmissionState.UNKNOWN:
                await asyncio.sleep(0.02)
        held, refused = await spent(service, limit), await service.generate()
        job = await service.ended(job_id)

        assert (held, refused.status_code, job["status"]) == ((0.0, 0.05), 402, "failed")
        assert await settled(service, limit) == 0


@pytest.mark.slow
async def test_a_job_that_continues_after_its_end_books_again_past_the_limit(own: Settings, sandbox: Sandbox) -> None:
    await sandbox.misbehaves(LOST, EMPTY_HISTORY, {"fault": "webhook_late", "seconds": 20})
    port = free_port()
    settings = with_limits(own, public_url=f"http://127.0.0.1:{port}", unknown_horizon=timedelta(seconds=1))
    async with running(settings, port=port) as service:
        limit = await budget(service, 0.05)
        job_id = await service.accept()
        failed = await service.ended(job_id)
        freed = await settled(service, limit)
        other = await service.generate()
        async with asyncio.timeout(60):
            while (await service.job(job_id))["status"] != "completed":
                await asyncio.sleep(0.1)

        assert (failed["error"]["code"], freed, other.status_code) == ("submission_unknown", 0, 200)
        assert await settled(service, limit) == 0.1
        assert (await service.generate()).status_code == 402


@pytest.mark.slow
async def test_without_mongodb_nothing_is_accepted_and_nothing_is_lost(own: Settings) -> None:
    assert own.mongodb.url is not None
    async with door(urlsplit(own.mongodb.url.get_secret_value()).port or 0) as mongodb:
        url = through(own.mongodb.url, mongodb.port)
        behind = own.model_copy(update={"mongodb": own.mongodb.model_copy(update={"url": url})})
        async with running(behind) as service:
            limit = await budget(service, 0.10)
            first = await service.generate()
            await mongodb.shut()
            away = await asyncio.gather(*(service.generate() for _ in range(3)))
            await mongodb.open()
            async with asyncio.timeout(60):
                while (again := await service.generate()).status_code == 503:
                    await asyncio.sleep(0.2)

            assert (first.status_code, {each.status_code for each in away}, again.status_code) == (200, {503}, 200)
            assert {each.json()["code"] for each in away} == {"unavailable"}
            assert await settled(service, limit) == 0.1
            assert (await service.generate()).status_code == 402
