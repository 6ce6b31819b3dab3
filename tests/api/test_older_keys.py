"""A key that an earlier release made for all models keeps the models that it had."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from imagegen.keys import key_id_of
from imagegen.registry import load_registry
from imagegen.settings import Settings
from imagegen.storage.stores import open_stores
from tests.support.keys import add_key, bearer
from tests.support.service import Json, Service, running

MINE = """
mine:
  falEndpoint: fal-ai/flux/schnell
  category: text-to-image
  requiredInputs: [prompt]
  options: [num_images]
  costPerImage: 0.1
  description: Mine
"""


def body(model: str) -> Json:
    return {"model": model, "inputs": {"prompt": "A fox"}, "userId": "user123"}


@pytest.fixture
async def service(own: Settings, tmp_path: Path) -> AsyncGenerator[Service]:
    """A service whose only key is one of an earlier release, and whose catalog has a model of the user's."""
    file = tmp_path / "mine.yaml"
    file.write_text(MINE, encoding="utf-8")
    token = await add_key(own, told=False)
    async with open_stores(own.mongodb) as stores:
        keys = stores.api_keys._keys  # pyright: ignore[reportPrivateUsage] - as it was stored
        await keys.update_one({"_id": key_id_of(token)}, {"$unset": {"allModels": ""}})
    async with running(own, await asyncio.to_thread(load_registry, [file])) as service:
        service.client.headers.update(bearer(token))
        yield service


@pytest.mark.parametrize("model", ["flux-pro", "face-swap", "mine"])
async def test_older_key_is_for_the_models_that_there_were(service: Service, model: str) -> None:
    answer = await service.client.post("/api/images/estimate-cost", json={"model": model})

    assert answer.status_code == 200


async def test_older_key_is_for_no_model_that_came_later(service: Service) -> None:
    later = body("flux-schnell")
    answers = [
        await service.client.post("/api/images/generate", json=later),
        await service.client.post("/api/images/estimate-cost", json={"model": "flux-schnell"}),
        await service.client.post("/api/images/batch", json={"requests": [later], "userId": "user123"}),
        await service.client.post("/fal/queue/fal-ai/flux-2-pro", json={"prompt": "A fox"}),
    ]

    assert [answer.status_code for answer in answers] == [403] * 4
    assert [answer.json().get("code") for answer in answers[:3]] == ["model_not_allowed"] * 3
    assert "--all-models" in answers[0].json()["detail"]
    assert await service.sandbox.requests() == []
