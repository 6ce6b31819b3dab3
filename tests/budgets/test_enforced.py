"""Budgets at every door for new jobs: what is accepted, what is refused, and what each end of a job leaves of them."""

import asyncio
import base64
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from dirty_equals import IsPartialDict, IsStr
from pydantic import SecretStr

from imagegen.engine.budget_upkeep import BudgetAlerts
from imagegen.settings import Settings, WebhookSettings
from tests.support.receiver import Receiver
from tests.support.service import FLUX, ITEM, Json, Service, running

FOUR: Json = {**FLUX, "options": {"num_images": 4}}


@pytest.fixture
async def office(own: Settings) -> AsyncGenerator[Service]:
    """A service with jobs of its own, whose client may do everything."""
    secret = SecretStr("whsec_" + base64.b64encode(bytes(32)).decode())
    webhooks = WebhookSettings(secrets=secret, allow_private=True)
    async with running(own.model_copy(update={"webhooks": webhooks})) as service:
        made = await service.client.post("/api/keys", json={"name": "root", "scopes": ["admin", "generate", "read"]})
        service.client.headers["Authorization"] = f"Bearer {made.json()['token']}"
        yield service


async def budget(office: Service, amount: float, **members: Any) -> Json:
    body = {"name": "all", "scope": {"kind": "all"}, "amount": amount, **members}
    answer = await office.client.post("/api/budgets", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def left(office: Service, of: Json) -> tuple[float, float]:
    """What is used and reserved, once all ended jobs are settled."""
    await office.services.budget_reconciliation.reconcile()
    assert await office.services.budget_reconciliation.audit() == []
    found = (await office.client.get(f"/api/budgets/{of['id']}")).json()
    return found["used"], found["reserved"]


async def test_of_200_requests_at_once_exactly_those_with_room_are_accepted(office: Service) -> None:
    limit = await budget(office, 0.50)
    answers = await asyncio.gather(*(office.generate(FLUX, prefer="respond-async") for _ in range(200)))

    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(202), statuses.count(402)) == (10, 190)
    refused = next(answer for answer in answers if answer.status_code == 402)
    assert "Retry-After" not in refused.headers
    assert refused.json() == IsPartialDict(
        code="budget_exceeded",
        budgets=[IsPartialDict(id=limit["id"], limit=0.5, remaining=0.0, estimate=0.05)],
    )
    registry = office.services.metrics.registry
    assert registry.get_sample_value("imagegen_budget_refusals_total") == 190
    for answer in answers:
        if answer.status_code == 202:
            await office.ended(answer.json()["jobId"])
    assert await left(office, limit) == (0.5, 0.0)


async def test_every_refusing_budget_is_named_and_nothing_stays_reserved(office: Service) -> None:
    wide, narrow = await budget(office, 1), await budget(office, 0.15, name="narrow")
    other = await budget(office, 0.10, name="of a user", scope={"kind": "user", "value": "user123"})
    of_another = await budget(office, 0.01, scope={"kind": "user", "value": "somebody"})
    answer = await office.generate(FOUR)

    assert answer.status_code == 402
    assert {each["id"] for each in answer.json()["budgets"]} == {narrow["id"], other["id"]}
    for each in (wide, narrow, other, of_another):
        assert await left(office, each) == (0.0, 0.0)
    assert (await office.client.get("/api/jobs")).json()["jobs"] == []


@pytest.mark.parametrize(
    ("fault", "status", "used"),
    [
        (None, "completed", 0.05),
        ({"fault": "runner_fails", "message": "the GPU is gone"}, "failed", 0.0),
    ],
)
async def test_an_end_settles_what_was_charged(office: Service, fault: Json | None, status: str, used: float) -> None:
    limit = await budget(office, 1)
    if fault is not None:
        await office.sandbox.misbehaves(fault)
    job = await office.ended(await office.accept())
    assert (job["status"], await left(office, limit)) == (status, (used, 0.0))


async def test_a_cancelled_job_releases_its_part(office: Service) -> None:
    limit = await budget(office, 1)
    await office.sandbox.misbehaves({"fault": "latency", "queue": 0, "generation": 30})
    job_id = await office.accept()
    await office.cancel(job_id)
    assert (await office.ended(job_id))["status"] == "cancelled"
    assert await left(office, limit) == (0.0, 0.0)


async def test_a_replay_reserves_nothing(office: Service) -> None:
    limit = await budget(office, 0.05)
    first = await office.generate(FLUX, idempotency_key="once", prefer="respond-async")
    replays = await asyncio.gather(*(office.generate(FLUX, idempotency_key="once") for _ in range(5)))
    assert {answer.json()["jobId"] for answer in (first, *replays)} == {first.json()["jobId"]}
    assert await left(office, limit) == (0.05, 0.0)


async def test_requests_at_once_with_one_idempotency_key_reserve_once(office: Service) -> None:
    limit = await budget(office, 1)
    answers = await asyncio.gather(*(office.generate(FLUX, idempotency_key="same") for _ in range(20)))
    assert len({answer.json()["jobId"] for answer in answers}) == 1
    assert await left(office, limit) == (0.05, 0.0)


async def test_copies_of_a_request_are_not_refused_for_the_room_that_it_takes(office: Service) -> None:
    await budget(office, 0.05)
    answers = await asyncio.gather(
        *(office.generate(FLUX, idempotency_key="copy", prefer="respond-async") for _ in range(12))
    )
    assert {answer.status_code for answer in answers} <= {200, 202}
    assert len({answer.json()["jobId"] for answer in answers}) == 1


async def test_a_batch_reserves_its_sum_all_or_nothing(office: Service) -> None:
    limit = await budget(office, 0.25)
    refused = await office.batch(*[ITEM] * 6)
    assert (refused.status_code, await left(office, limit)) == (402, (0.0, 0.0))
    accepted = await office.batch(*[ITEM] * 5)
    assert accepted.status_code == 202
    for job in (await office.client.get("/api/jobs", params={"limit": 50})).json()["jobs"]:
        await office.ended(job["jobId"])
    assert await left(office, limit) == (0.25, 0.0)


async def test_each_user_has_a_budget_for_itself_from_its_first_request_on(office: Service) -> None:
    limit = await budget(office, 0.10, scope={"kind": "user", "value": "*"})
    users = ["new", "$set", "a/b"]
    answers = await asyncio.gather(
        *(office.generate({**FLUX, "userId": user}, prefer="respond-async") for user in users for _ in range(8))
    )
    assert [answer.status_code for answer in answers].count(202) == 2 * len(users)
    holders = (await office.client.get(f"/api/budgets/{limit['id']}")).json()["holders"]
    assert sorted(each["userId"] for each in holders) == sorted(users)


async def test_only_jobs_of_its_models_count(office: Service) -> None:
    limit = await budget(office, 0.01, models=["flux-dev"])
    assert (await office.generate(FLUX)).status_code == 200
    assert (await office.generate({**FLUX, "model": "flux-dev"})).status_code == 402
    assert await left(office, limit) == (0.0, 0.0)


async def test_lowering_a_budget_cancels_nothing_and_says_by_how_much_it_is_over(office: Service) -> None:
    limit = await budget(office, 1)
    await office.generate(FOUR)
    await left(office, limit)
    lowered = await office.client.patch(f"/api/budgets/{limit['id']}", json={"amount": 0.15})
    assert lowered.json() == IsPartialDict(limit=0.15, used=0.2, overBy=0.05, remaining=0.0)
    assert (await office.generate()).status_code == 402
    more = await office.client.post(
        f"/api/budgets/{limit['id']}/adjust",
        json={"amount": 0.10, "reason": "a top-up"},
        headers={"Idempotency-Key": "top-up"},
    )
    assert (more.status_code, (await office.generate()).status_code) == (200, 200)


async def test_a_deleted_budget_counts_nothing_more_and_its_jobs_end(office: Service) -> None:
    limit = await budget(office, 0.05)
    job_id = await office.accept()
    assert (await office.client.delete(f"/api/budgets/{limit['id']}")).status_code in {200, 204}
    assert (await office.generate()).status_code == 200
    assert (await office.ended(job_id))["status"] == "completed"


async def test_a_soft_budget_refuses_nothing_and_tells(office: Service, receiver: Receiver) -> None:
    await budget(office, 0.10, hard=False, webhookUrl=receiver.url, alerts=[50, 100])
    for _ in range(3):
        assert (await office.generate()).status_code == 200
    alerts = BudgetAlerts(office.services)
    assert [await alerts.tell(), await alerts.tell(), await BudgetAlerts(office.services).tell()] == [2, 0, 0]
    deliveries = office.services.webhook_deliveries._deliveries  # pyright: ignore[reportPrivateUsage] - as recorded
    events = [each["payload"] async for each in deliveries.find({}).sort("_id", 1)]
    assert len(events) == 2
    assert all('"budget.alert"' in event and '"Retry' not in event for event in events)


async def test_a_refusal_is_told_at_most_hourly(office: Service, receiver: Receiver) -> None:
    await budget(office, 0.01, webhookUrl=receiver.url, alerts=[100])
    alerts = BudgetAlerts(office.services)
    for _ in range(3):
        assert (await office.generate()).status_code == 402
        await alerts.tell()
    deliveries = office.services.webhook_deliveries._deliveries  # pyright: ignore[reportPrivateUsage] - as recorded
    assert [each["event"] async for each in deliveries.find({})] == ["budget.refused"]


async def test_estimates_and_jobs_say_what_is_left(office: Service) -> None:
    limit = await budget(office, 1)
    estimate = (await office.client.post("/api/images/estimate-cost", json=FOUR)).json()
    assert estimate["budgets"] == [IsPartialDict(id=limit["id"], remaining=1.0, resetsAt=None)]
    job = (await office.generate(FOUR)).json()
    assert job["budgets"] == [IsPartialDict(id=limit["id"], name=IsStr, limit=1.0, remaining=0.8)]
    assert (await office.job(job["jobId"]))["budgets"] == [IsPartialDict(remaining=0.8)]


async def test_a_batch_that_may_be_partial_gets_as_many_as_fit(office: Service) -> None:
    limit = await budget(office, 0.17)
    body = {"userId": "user123", "requests": [ITEM] * 5, "partial": True}
    answer = await office.client.post("/api/images/batch", json=body, headers={"Idempotency-Key": "part"})
    assert answer.status_code == 202
    assert len(answer.json()["jobIds"] if "jobIds" in answer.json() else answer.json()["jobs"]) == 3
    assert answer.json()["refused"] == [
        {"index": index, "budgets": [IsPartialDict(id=limit["id"], remaining=0.02, estimate=0.05)]} for index in (3, 4)
    ]
    again = await office.client.post("/api/images/batch", json=body, headers={"Idempotency-Key": "part"})
    assert again.json()["refused"] == answer.json()["refused"]
