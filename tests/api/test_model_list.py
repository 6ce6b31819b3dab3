"""`GET /api/images/models` says what each model costs and can do, and has those that match."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from dirty_equals import IsList, IsPartialDict, IsStr

from imagegen.registry.loading import FIRST_MODELS
from imagegen.settings import Settings
from tests.support.catalogs import OVER, entry, registry_with
from tests.support.service import Service, running

CATALOG = (
    entry("quick", "tags: [fast, cheap]")
    + entry("slow", "tags: [fine, fast]", "options: [aspect_ratio]").replace("text-to-image", "poster")
    + entry("over", OVER, "tags: [gone]").replace("text-to-image", "old")
)


@pytest.fixture
async def shop(own: Settings) -> AsyncGenerator[Service]:
    async with running(own, await asyncio.to_thread(registry_with, CATALOG)) as service:
        yield service


async def names(service: Service, query: str) -> list[str]:
    """The names of the models that are listed; of the built-in ones, only those of the first release."""
    answer = await service.client.get(f"/api/images/models?{query}")
    assert answer.status_code == 200, answer.text
    own = {"quick", "slow", "over"}
    return [model["name"] for model in answer.json()["models"] if model["name"] in own | FIRST_MODELS]


async def test_each_model_says_what_it_costs_and_can_do(service: Service) -> None:
    listed = {model["name"]: model for model in (await service.client.get("/api/images/models")).json()["models"]}
    shown = (await service.client.get("/api/images/models/nano-banana-edit")).json()

    assert listed["nano-banana-edit"] == IsPartialDict(
        category="image-editing",
        costPerImage=0.15,
        minCostPerImage=0.15,
        maxCostPerImage=0.315,
        takesImages=True,
        takesMask=False,
        takesLoras=False,
        sizes="ratios",
        maxImages=4,
        tags=IsList(length=...),
    )
    assert {name: shown[name] for name in listed["nano-banana-edit"]} == listed["nano-banana-edit"]
    for model in listed.values():
        assert model["minCostPerImage"] <= (model["maxCostPerImage"] or float("inf"))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("category=poster", ["slow"]),
        ("tag=fast", ["quick", "slow"]),
        ("tag=fast&tag=fine", ["slow"]),
        ("tag=cheap&tag=fine", []),
        ("takesLoras=true", ["flux-dev", "flux-lora"]),
        ("takesLoras=true&maxCost=0.03", ["flux-dev"]),
        ("takesMask=true", []),
        ("sizes=ratios&takesImages=false", ["slow"]),
        ("q=quick", ["quick"]),
    ],
)
async def test_list_has_the_models_that_match(shop: Service, query: str, expected: list[str]) -> None:
    assert await names(shop, query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (
            "category=postr",
            {
                "pointer": "category",
                "code": "not_allowed",
                "message": IsStr(
                    regex="The query parameter category must be one of image-.*, poster; did you mean 'poster'."
                ),
                "suggestion": "poster",
            },
        ),
        ("category=old", {"pointer": "category", "code": "not_allowed"}),
        ("tag=fast&tag=gone", {"pointer": "tag", "code": "not_allowed", "valid": IsList(length=...)}),
        ("sizes=inches", {"pointer": "sizes", "code": "not_allowed", "valid": ["pixels", "ratios", "none"]}),
        ("takesImages=perhaps", {"pointer": "takesImages", "code": "wrong_type"}),
        ("maxCost=-1", {"pointer": "maxCost", "code": "out_of_range"}),
        ("maxCost=nan", {"pointer": "maxCost", "code": "out_of_range"}),
        ("maxcost=1", {"pointer": "maxcost", "code": "unknown_name", "suggestion": "maxCost"}),
        ("q=x&q=y", {"pointer": "q", "code": "conflict"}),
        ("tag=%00", {"pointer": "tag", "code": "wrong_format"}),
    ],
)
async def test_wrong_filter_is_refused_with_what_is_valid(shop: Service, query: str, expected: dict[str, Any]) -> None:
    answer = await shop.client.get(f"/api/images/models?{query}")

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_query")
    assert answer.json()["errors"] == [IsPartialDict(**expected, location="query")]


async def test_filtered_list_has_a_tag_of_its_own(shop: Service) -> None:
    whole = await shop.client.get("/api/images/models")
    part = await shop.client.get("/api/images/models?tag=fast")
    again = await shop.client.get("/api/images/models?tag=fast", headers={"If-None-Match": part.headers["etag"]})

    assert (again.status_code, whole.headers["etag"] != part.headers["etag"]) == (304, True)
