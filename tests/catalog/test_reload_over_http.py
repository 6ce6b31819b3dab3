"""POST /api/admin/catalog/reload: what callers see before and after, and what goes on meanwhile."""

import asyncio
import gc
import json
import weakref
from pathlib import Path
from typing import Any

import pytest
from dirty_equals import IsDatetime, IsPartialDict, IsStr

from imagegen.engine.worker import working
from imagegen.settings import Settings
from tests.support.catalogs import entry, write
from tests.support.own_catalogs import endpoint_without_model, models_of, reload, running_with
from tests.support.scraped import scrape
from tests.support.service import FLUX, Json, Sandbox, Service

SHA256 = IsStr(regex="[0-9a-f]{64}")


def a_request(model: str = "poster") -> Json:
    return {**FLUX, "model": model}


async def tag(service: Service, path: str) -> str | None:
    return (await service.client.get(path)).headers.get("etag")


async def test_new_model_is_listed_documented_and_generates_at_once(own: Settings, mine: Path) -> None:
    async with running_with(own, mine) as service:
        tags = [await tag(service, "/api/images/models")]
        before = (await service.client.get("/openapi.json")).json()["components"]["schemas"]
        refused = await service.generate(a_request("flyer"))
        write(mine, entry("poster").replace("0.1", "0.3") + entry("flyer"))
        answer = await reload(service)
        after = (await service.client.get("/openapi.json")).json()["components"]["schemas"]
        tags.append(await tag(service, "/api/images/models"))
        made = await service.generate(a_request("flyer"))
        priced = await service.client.post("/api/images/estimate-cost", json=a_request())

    assert answer == {
        "sha256": SHA256,
        "previousSha256": SHA256,
        "changed": True,
        "loadedAt": IsDatetime(iso_string=True),
        "added": ["flyer"],
        "removed": [],
        "modified": ["poster"],
        "warnings": [],
    }
    assert answer["sha256"] != answer["previousSha256"]
    assert ["FlyerRequest" in schemas for schemas in (before, after)] == [False, True]
    assert (refused.status_code, made.status_code, made.json()["status"]) == (400, 200, "completed")
    assert (priced.json()["totalCost"], len(set(tags))) == (0.3, 2)


async def test_unchanged_files_are_told_as_such_and_leave_no_trace(own: Settings, mine: Path) -> None:
    async with running_with(own, mine, with_runner=False) as service:
        answers = [await reload(service) for _ in range(2)]
        trail = (await service.client.get("/api/audit")).json()["entries"]

    assert answers == [IsPartialDict(changed=False, added=[], removed=[], modified=[])] * 2
    assert {answers[0]["sha256"], answers[0]["previousSha256"]} == {answers[1]["sha256"]}
    assert trail == []


async def test_change_is_in_the_audit_trail_of_every_administrator(own: Settings, mine: Path) -> None:
    async with running_with(own, mine, with_runner=False) as service:
        made = await service.client.post("/api/keys", json={"name": "root", "scopes": ["admin"]})
        limited = {"name": "one", "scopes": ["admin"], "users": ["ann"]}
        service.client.headers["Authorization"] = f"Bearer {made.json()['token']}"
        other = (await service.client.post("/api/keys", json=limited)).json()
        write(mine, entry("flyer"))
        answer = await reload(service)
        trails = [
            (await service.client.get("/api/audit", headers={"Authorization": f"Bearer {token}"})).json()["entries"]
            for token in (made.json()["token"], other["token"])
        ]
        of_key = await service.client.get("/api/audit", params={"keyId": other["id"]})

    expected = IsPartialDict(
        action="catalog.reloaded",
        actor=made.json()["id"],
        keyId=None,
        budgetId=None,
        changes={
            "sha256": {"from": answer["previousSha256"], "to": answer["sha256"]},
            "models": {"from": ["poster"], "to": ["flyer"]},
        },
    )
    assert [[each for each in trail if each["action"].startswith("catalog")] for trail in trails] == [[expected]] * 2
    assert [each["action"] for each in of_key.json()["entries"]] == ["key.created"]


async def test_broken_catalog_is_refused_with_every_fault_and_the_old_one_stays(own: Settings, mine: Path) -> None:
    async with running_with(own, mine) as service:
        write(mine, entry("poster").replace("0.1", "-1") + entry("card").replace("[prompt]", "7"))
        refused = await service.client.post("/api/admin/catalog/reload")
        health = [(await service.client.get("/health/ready")).json()]
        made = await service.generate(a_request())
        models = await models_of(service)
        write(mine, entry("poster"))
        mended = await reload(service)
        await asyncio.sleep(1.1)  # readiness is kept for a second
        health.append((await service.client.get("/health/ready")).json())

    assert (refused.status_code, refused.headers["content-type"]) == (422, "application/problem+json")
    problem = refused.json()
    assert problem == IsPartialDict(code="catalog_refused", title="Unprocessable Entity")
    assert [(fault["pointer"], fault["code"], fault["location"]) for fault in problem["errors"]] == [
        ("poster.costPerImage", "invalid", "catalog"),
        ("card.requiredInputs", "invalid", "catalog"),
    ]
    words = [fault["message"] for fault in problem["errors"]]
    assert [text.partition(": ")[0] for text in words] == [f"{mine}:5", f"{mine}:10"]
    assert (made.status_code, models, mended["changed"]) == (200, ["poster"], False)
    warnings = [each["catalog"]["warning"] for each in health]
    assert warnings == [IsStr(regex=r"The reload of \S+Z was refused\..*"), None]
    assert [each["status"] for each in health] == ["ready"] * 2


async def test_health_and_metrics_tell_the_catalog_in_use(own: Settings, mine: Path) -> None:
    async with running_with(own, mine, with_runner=False) as service:
        write(mine, entry("flyer") + entry("cover"))
        answer = await reload(service)
        health = (await service.client.get("/health/ready")).json()["catalog"]
        models = (await service.client.get("/api/images/models")).json()["models"]
        scraped = await scrape(service.client)

    assert health == {
        "sha256": answer["sha256"],
        "loadedAt": answer["loadedAt"],
        "models": len(models),
        "warning": None,
    }
    assert scraped.series("catalog_info") == {(answer["sha256"],): 1}


async def test_requests_under_way_end_with_the_catalog_that_they_began_with(
    own: Settings, sandbox: Sandbox, mine: Path
) -> None:
    await sandbox.misbehaves({"fault": "latency", "generation": 2})
    async with running_with(own, mine) as service:
        waiting = asyncio.create_task(service.generate(a_request()))
        job_id = await service.accept(a_request())
        async with service.client.stream("GET", f"/api/jobs/{job_id}/events") as events:
            lines = events.aiter_lines()
            await anext(lines)
            write(mine, entry("flyer"))
            answer = await reload(service)
            assert not waiting.done()
            refused = await service.generate(a_request())
            told = [json.loads(line.removeprefix("data: ")) async for line in lines if line.startswith("data: ")]
        made = await waiting

    assert (answer["removed"], refused.status_code, refused.json()["code"]) == (["poster"], 400, "unknown_model")
    assert (made.status_code, made.json()["status"], made.json()["model"]) == (200, "completed", "poster")
    assert told[-1]["job"]["status"] == "completed"


async def test_job_of_a_removed_model_completes_and_stays_readable(own: Settings, mine: Path) -> None:
    masks = entry("poster", "output: {path: images, role: mask}")
    write(mine, masks.replace("fal-ai/flux-pro/v1.1", await asyncio.to_thread(endpoint_without_model)))
    async with running_with(own, mine, with_runner=False) as service:
        job_id = await service.accept(a_request())
        write(mine, entry("flyer"))
        await reload(service)
        async with working(service.services):
            job = await service.ended(job_id)
        listed = (await service.client.get("/api/jobs", params={"userId": "user123", "model": "poster"})).json()
        retried = await service.retry(job_id)

    assert (job["status"], job["model"], job["cost"]["costPerImage"]) == ("completed", "poster", 0.1)
    assert [image["role"] for image in job["images"]] == ["mask"]
    assert [each["jobId"] for each in listed["jobs"]] == [job_id]
    assert retried.status_code == 409


async def test_price_and_output_of_a_new_endpoint_are_known_after_the_reload(own: Settings, mine: Path) -> None:
    async with running_with(own, mine, with_runner=False) as service:
        endpoint = await asyncio.to_thread(endpoint_without_model)
        before = service.services.prices.of(endpoint)
        write(mine, entry("poster") + entry("qwen").replace("fal-ai/flux-pro/v1.1", endpoint))
        await reload(service)
        async with asyncio.timeout(20):
            while (price := service.services.prices.of(endpoint)) is None:
                await asyncio.sleep(0.05)

    assert (before, price.endpoint) == (None, endpoint)


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_earlier_catalogs_leave_the_memory(own: Settings, mine: Path) -> None:
    async with running_with(own, mine, with_runner=False) as service:
        seen = list[weakref.ref[Any]]()
        for number in range(20):
            registry = service.services.registry
            seen += [weakref.ref(registry), weakref.ref(registry.models["poster"].request_class)]
            del registry
            if number % 5 == 0:
                assert (await service.client.get("/openapi.json")).status_code == 200
            assert (await service.generate(a_request(f"poster-{number}"))).status_code == 400
            write(mine, entry("poster") + entry(f"poster-{number}"))
            await reload(service)
        await service.client.get("/health/live")  # a connection has its last request until the next one
        await asyncio.to_thread(gc.collect)
        alive = [number for number, each in enumerate(seen) if each() is not None]

    assert alive == [0, 1]  # of the start, which its caller has too


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_no_request_is_lost_in_50_reloads(own: Settings, mine: Path) -> None:
    statuses: list[int] = []
    is_over = False

    async def call(service: Service) -> None:
        while not is_over:
            answers = (
                await service.client.get("/api/images/models"),
                await service.client.post("/api/images/estimate-cost", json=a_request()),
                await service.generate(a_request(), prefer="respond-async"),
                await service.client.get("/openapi.json", headers={"If-None-Match": '"another"'}),
            )
            statuses.extend(answer.status_code for answer in answers)

    async with running_with(own, mine) as service:
        calls = [asyncio.create_task(call(service)) for _ in range(4)]
        for number in range(50):
            write(mine, entry("poster") + entry(f"poster-{number}"))
            answer = await reload(service)
            assert answer["added"] == [f"poster-{number}"]
        is_over = True
        await asyncio.gather(*calls)

    assert len(statuses) > 50
    assert set(statuses) == {200, 202}
