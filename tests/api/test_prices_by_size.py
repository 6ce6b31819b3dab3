"""A size that is known beforehand is charged as estimated; one that follows an input is charged as stored."""

import asyncio
import base64
import io
from collections.abc import AsyncGenerator

import pytest
from PIL import Image

from imagegen.settings import Settings
from tests.support.service import FLUX, Json, Service, running


def a_photo(width: int, height: int) -> str:
    data = io.BytesIO()
    Image.new("RGB", (width, height)).save(data, "png")
    return f"data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}"


def image_to_image(width: int, height: int) -> Json:
    return {"model": "flux-dev-image-to-image", "inputs": {"prompt": "winter", "image_url": a_photo(width, height)}}


@pytest.fixture
async def office(own: Settings) -> AsyncGenerator[Service]:
    """A service with a database of this test's own, whose client may generate and administer."""
    async with running(own) as service:
        made = await service.client.post("/api/keys", json={"name": "root", "scopes": ["admin", "generate", "read"]})
        service.client.headers["Authorization"] = f"Bearer {made.json()['token']}"
        yield service


async def budget_of(service: Service, user: str, amount: float) -> str:
    body = {"name": user, "scope": {"kind": "user", "value": user}, "amount": amount}
    return (await service.client.post("/api/budgets", json=body)).json()["id"]


async def used_of(service: Service, budget: str) -> float:
    """What ended jobs cost, once nothing is reserved any more."""
    async with asyncio.timeout(60):
        while True:
            state = (await service.client.get(f"/api/budgets/{budget}")).json()
            if not state["reserved"]:
                return state["used"]
            await asyncio.sleep(0.1)


async def test_larger_image_costs_more(office: Service) -> None:
    body: Json = {**FLUX, "userId": "large", "options": {"width": 2048, "height": 1080, "num_images": 2}}
    estimate = (await office.client.post("/api/images/estimate-cost", json=body)).json()
    cost = (await office.generate(body)).json()["cost"]

    assert (estimate["costPerImage"], estimate["totalCost"], estimate["maxCost"]) == (0.15, 0.3, 0.3)
    assert (cost["costPerImage"], cost["totalCost"], cost["maxCost"]) == (0.15, 0.3, 0.3)


async def test_size_of_the_source_is_reserved_at_most_and_charged_as_stored(office: Service) -> None:
    budget = await budget_of(office, "source", 1)
    body = {**image_to_image(1600, 1200), "userId": "source"}
    estimate = (await office.client.post("/api/images/estimate-cost", json=body)).json()

    accepted = await office.client.post("/api/images/generate", json=body, headers={"Prefer": "respond-async"})
    job = await office.ended(accepted.json()["jobId"])

    assert (estimate["totalCost"], estimate["maxCost"], estimate["exact"]) == (0.03, 0.12, False)
    assert accepted.json()["cost"]["totalCost"] == 0.03
    assert (job["images"][0]["width"], job["images"][0]["height"]) == (1600, 1200)
    assert (job["cost"]["costPerImage"], job["cost"]["totalCost"], job["cost"]["maxCost"]) == (0.06, 0.06, 0.12)
    assert await used_of(office, budget) == 0.06
    usage = (await office.client.get("/api/usage", params={"userId": "source"})).json()
    assert usage["total"]["charged"] == 0.06


async def test_budget_without_room_for_the_largest_size_refuses(office: Service) -> None:
    await budget_of(office, "poor", 0.11)
    answer = await office.generate({**image_to_image(64, 64), "userId": "poor"})

    assert (answer.status_code, answer.json()["code"]) == (402, "budget_exceeded")
    assert answer.json()["budgets"][0]["estimate"] == 0.12
