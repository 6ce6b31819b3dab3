"""Aliases, which keep their keys and budgets, and models that end: before their day, and after it."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

import pytest
from dirty_equals import IsPartialDict

from imagegen.settings import Settings
from tests.support.catalogs import OVER, PLANNED, entry, registry_with
from tests.support.service import Json, Service, running

CATALOG: Final = (
    entry("new-name", "aliases: [old-name]", "verifiedAt: 2026-11-20", "source: https://fal.ai/models/x")
    + entry("ending", PLANNED)
    + entry("over", OVER)
)
ENDS: Final = {
    "deprecation": "@32501001600",
    "sunset": "Sun, 01 Dec 2999 00:00:00 GMT",
    "link": '</api/images/models/flux-pro>; rel="successor-version"',
}


def a_request(model: str) -> Json:
    return {"model": model, "inputs": {"prompt": "a hat"}, "userId": "ann"}


@pytest.fixture
async def office(own: Settings) -> AsyncGenerator[Service]:
    """A service with a catalog and a database of its own, whose client may generate and administer."""
    async with running(own, await asyncio.to_thread(registry_with, CATALOG)) as service:
        made = await service.client.post("/api/keys", json={"name": "root", "scopes": ["admin", "generate", "read"]})
        service.client.headers["Authorization"] = f"Bearer {made.json()['token']}"
        yield service


async def test_alias_is_resolved_before_keys_and_budgets_are_checked(office: Service) -> None:
    key = {"name": "old", "models": ["old-name"], "scopes": ["generate", "read"]}
    token = (await office.client.post("/api/keys", json=key)).json()["token"]
    budget = {"name": "b", "scope": {"kind": "all"}, "amount": 0.25, "models": ["old-name"]}
    made = await office.client.post("/api/budgets", json=budget)
    office.client.headers["Authorization"] = f"Bearer {token}"

    jobs = [await office.generate(a_request(name)) for name in ("old-name", "new-name")]
    third, other = await office.generate(a_request("old-name")), await office.generate(a_request("flux-pro"))

    assert made.status_code == 201, made.text
    assert [(job.status_code, job.json()["model"]) for job in jobs] == [(200, "new-name")] * 2
    assert (third.status_code, other.status_code) == (402, 403)
    estimate = await office.client.post("/api/images/estimate-cost", json=a_request("old-name"))
    assert (estimate.json()["totalCost"], len(estimate.json()["budgets"])) == (0.1, 1)


@pytest.mark.parametrize("name", ["old-name", "new-name"])
async def test_jobs_are_listed_under_each_name_of_their_model(office: Service, name: str) -> None:
    """Also those that have the old name, from before it became an alias."""
    jobs = [(await office.generate(a_request("new-name"))).json()["jobId"] for _ in range(2)]
    await office.generate(a_request("flux-pro"))
    await office.services.jobs._jobs.update_one({"_id": jobs[0]}, {"$set": {"model": "old-name"}})  # pyright: ignore[reportPrivateUsage] - as an earlier catalog would

    listed = (await office.client.get("/api/jobs", params={"model": name})).json()["jobs"]

    assert [job["jobId"] for job in listed] == [*reversed(jobs)]


async def test_usage_is_summed_up_under_the_models_own_name(office: Service) -> None:
    """Also that of jobs from before its name became an alias, which are stored under the old one."""
    jobs = [(await office.generate(a_request("new-name"))).json()["jobId"] for _ in range(2)]
    await office.generate(a_request("flux-pro"))
    await office.services.usage.count_pending()
    await office.services.jobs._jobs.update_one({"_id": jobs[0]}, {"$set": {"model": "old-name"}})  # pyright: ignore[reportPrivateUsage] - as an earlier catalog would
    for difference in await office.services.usage.find_differences():
        await office.services.usage.repair(difference.key)

    usage = (await office.client.get("/api/usage")).json()
    by_user = (await office.client.get("/api/usage", params={"groupBy": "user"})).json()

    assert [(row["model"], row["jobs"], row["charged"]) for row in usage["rows"]] == [
        ("flux-pro", 1, 0.05),
        ("new-name", 2, 0.2),
    ]
    assert [(row["userId"], row["jobs"]) for row in by_user["rows"]] == [("ann", 3)]
    assert (usage["total"]["jobs"], usage["total"]["charged"]) == (3, 0.25)


@pytest.mark.parametrize(("held", "granted"), [("new-name", "old-name"), ("old-name", "new-name")])
async def test_administrator_of_a_model_grants_it_under_each_name(office: Service, held: str, granted: str) -> None:
    of_admin = {"name": "a", "models": [held], "users": ["ann"], "scopes": ["admin", "read"]}
    token = (await office.client.post("/api/keys", json=of_admin)).json()["token"]
    key = {"name": "k", "models": [granted], "users": ["ann"], "scopes": ["read"]}
    budget = {"name": "b", "scope": {"kind": "user", "value": "ann"}, "amount": 1, "models": [granted]}
    office.client.headers["Authorization"] = f"Bearer {token}"

    made = [await office.client.post("/api/keys", json=key), await office.client.post("/api/budgets", json=budget)]
    refused = [
        await office.client.post("/api/keys", json={**key, "models": ["flux-pro"]}),
        await office.client.post("/api/budgets", json={**budget, "models": ["flux-pro"]}),
    ]

    assert [each.status_code for each in made] == [201, 201], [each.text for each in made]
    assert [each.status_code for each in refused] == [403, 403]
    listed = [(await office.client.get(path)).json() for path in ("/api/keys", "/api/budgets")]
    assert made[0].json()["id"] in [each["id"] for each in listed[0]["keys"]]
    assert [each["id"] for each in listed[1]["budgets"]] == [made[1].json()["id"]]
    trail = (await office.client.get("/api/audit", params={"keyId": made[0].json()["id"]})).json()
    assert len(trail["entries"]) == 1


async def test_repeat_under_the_other_name_is_the_same_request(office: Service) -> None:
    headers = {"Idempotency-Key": "k1"}
    first = await office.generate(a_request("old-name"), **headers)
    again = await office.generate(a_request("new-name"), **headers)

    assert (again.status_code, again.json()["jobId"]) == (200, first.json()["jobId"])


async def test_model_shows_its_names_and_its_end(office: Service) -> None:
    listed = {model["name"]: model for model in (await office.client.get("/api/images/models")).json()["models"]}
    by_alias = await office.client.get("/api/images/models/old-name")

    assert {"new-name", "ending"} <= set(listed)
    assert "over" not in listed
    assert listed["new-name"] == IsPartialDict(
        aliases=["old-name"], retired=None, verifiedAt="2026-11-20", source="https://fal.ai/models/x"
    )
    assert listed["ending"]["retired"] == {"since": "2999-12-01", "successor": "flux-pro"}
    assert by_alias.json()["name"] == "new-name"
    assert (await office.client.get("/api/images/models/over")).json()["retired"]["since"] == "2026-01-01"


async def test_end_is_announced_before_its_day(office: Service) -> None:
    answers = [
        await office.generate(a_request("ending")),
        await office.client.post("/api/images/estimate-cost", json=a_request("ending")),
        await office.client.get("/api/images/models/ending"),
    ]
    other = await office.generate(a_request("new-name"))

    assert [answer.status_code for answer in answers] == [200] * 3
    assert [{name: answer.headers.get(name) for name in ENDS} for answer in answers] == [ENDS] * 3
    assert [name for name in ENDS if name in other.headers] == []


async def test_end_is_announced_to_batches_and_retries(office: Service) -> None:
    batch = await office.batch(a_request("new-name"), a_request("ending"), user_id="ann", **{"Idempotency-Key": "k"})
    again = await office.batch(a_request("new-name"), a_request("ending"), user_id="ann", **{"Idempotency-Key": "k"})
    other = await office.batch(a_request("new-name"), user_id="ann")
    await office.sandbox.misbehaves({"fault": "model_fails", "status": 422, "type": "some_type", "message": "No."})
    failed = await office.accept(a_request("ending"))
    await office.ended(failed)
    await office.sandbox.behaves()
    retry = await office.retry(failed)

    assert [batch.status_code, again.status_code, other.status_code, retry.status_code] == [202, 202, 202, 200]
    assert [{name: each.headers.get(name) for name in ENDS} for each in (batch, again, retry)] == [ENDS] * 3
    assert [name for name in ENDS if name in other.headers] == []


async def test_model_that_is_over_takes_no_new_requests(office: Service) -> None:
    one = await office.generate(a_request("over"))
    many = await office.batch({**a_request("new-name"), "userId": "ann"}, a_request("over"), user_id="ann")
    estimate = await office.client.post("/api/images/estimate-cost", json=a_request("over"))

    refused = IsPartialDict(
        code="model_retired",
        detail="The model 'over' is retired since 2026-01-01. Use 'flux-pro' instead.",
        errors=[IsPartialDict(pointer="/model", code="gone", suggestion="flux-pro")],
        retryable=False,
    )
    assert [(answer.status_code, answer.json()) for answer in (one, many)] == [(410, refused)] * 2
    assert [warning["code"] for warning in estimate.json()["warnings"]] == ["gone"]
    assert (await office.client.get("/api/jobs", params={"userId": "ann"})).json()["jobs"] == []


async def test_jobs_of_a_model_that_is_over_stay(own: Settings) -> None:
    async with running(own, await asyncio.to_thread(registry_with, entry("over"))) as before:
        made = (await before.generate(a_request("over"), **{"Idempotency-Key": "k"})).json()
    async with running(own, await asyncio.to_thread(registry_with, CATALOG)) as after:
        job = await after.client.get(f"/api/jobs/{made['jobId']}")
        repeated = await after.generate(a_request("over"), **{"Idempotency-Key": "k"})
        retried = await after.retry(made["jobId"])

    assert (job.status_code, job.json()["model"], job.json()["images"][0]["key"]) == (
        200,
        "over",
        made["images"][0]["key"],
    )
    assert (repeated.status_code, repeated.json()["jobId"], retried.status_code) == (200, made["jobId"], 409)


async def test_stored_images_have_their_role(own: Settings) -> None:
    mask = entry("face-swap", "output: {path: image, kind: image, role: mask}").replace("flux-pro/v1.1", "face-swap")
    mask = mask.replace("[prompt]", "[base_image_url, swap_image_url]")
    async with running(own, await asyncio.to_thread(registry_with, mask)) as service:
        swap = service.services.registry.model("face-swap").example()
        masks = await service.generate(swap)
        image = await service.generate()

    assert [image["role"] for image in masks.json()["images"]] == ["mask"], masks.text
    assert masks.json()["cost"]["totalCost"] == 0.1
    assert [image["role"] for image in image.json()["images"]] == ["image"]
