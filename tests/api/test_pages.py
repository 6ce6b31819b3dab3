import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from dirty_equals import IsPartialDict

from imagegen.registry import load_registry
from imagegen.settings import Settings
from tests.support.service import Json, Service, running

NEW_MODEL = """
your-new-model:
  falEndpoint: fal-ai/your-endpoint
  category: text-to-image
  requiredInputs: [prompt]
  optionalInputs: [seed, guidance_scale]
  defaultOptions: {num_images: 1}
  costPerImage: 0.03
  description: Your model description
"""


async def test_models_are_listed_in_catalog_order(service: Service) -> None:
    models = (await service.client.get("/api/images/models")).json()["models"]

    assert {model["name"]: (model["falEndpoint"], model["category"], model["costPerImage"]) for model in models} == {
        "nano-banana-edit": ("fal-ai/nano-banana-pro/edit", "image-editing", 0.15),
        "flux-pro": ("fal-ai/flux-pro/v1.1", "text-to-image", 0.05),
        "flux-dev": ("fal-ai/flux/dev", "text-to-image", 0.025),
        "flux-lora": ("fal-ai/flux-lora", "text-to-image", 0.035),
        "flux-dev-image-to-image": ("fal-ai/flux/dev/image-to-image", "image-to-image", 0.03),
        "face-swap": ("fal-ai/face-swap", "face-swap", 0.001),
    }
    assert {tuple(model) for model in models} == {
        (
            "name",
            "falEndpoint",
            "category",
            "description",
            "requiredInputs",
            "optionalInputs",
            "options",
            "defaultOptions",
            "costPerImage",
        )
    }


async def test_yaml_entry_adds_a_complete_model(stack: Settings, tmp_path: Path) -> None:
    catalog = tmp_path / "mine.yaml"
    await asyncio.to_thread(catalog.write_text, NEW_MODEL)
    registry = await asyncio.to_thread(load_registry, [catalog])
    async with running(stack, registry) as service:
        listed = (await service.client.get("/api/images/models")).json()["models"]
        document = (await service.client.get("/openapi.json")).json()
        estimate = await service.client.post(
            "/api/images/estimate-cost", json={"model": "your-new-model", "options": {"num_images": 3}}
        )
        body: Json = {"model": "your-new-model", "inputs": {"prompt": "a fox", "guidance_scale": 3}, "userId": "u"}
        job = (await service.generate(body)).json()

    assert listed[-1] == IsPartialDict(name="your-new-model", falEndpoint="fal-ai/your-endpoint", costPerImage=0.03)
    assert document["components"]["schemas"]["YourNewModelInputs"]["required"] == ["prompt"]
    assert estimate.json()["totalCost"] == 0.09
    assert (job["status"], len(job["images"]), job["cost"]["totalCost"]) == ("completed", 1, 0.03)


def references(document: object) -> Iterator[str]:
    """Every `$ref` of the document, as the name that it refers to."""
    if isinstance(document, dict):
        for name, member in cast("Json", document).items():
            if name == "$ref":
                yield str(member).rpartition("/")[2]
            yield from references(member)
    elif isinstance(document, list):
        for item in cast("list[object]", document):
            yield from references(item)


async def test_generate_request_is_discriminated_by_the_model(service: Service) -> None:
    document = (await service.client.get("/openapi.json")).json()
    schemas = document["components"]["schemas"]
    body = document["paths"]["/api/images/generate"]["post"]["requestBody"]["content"]["application/json"]["schema"]

    assert body == {"$ref": "#/components/schemas/GenerateRequest"}
    assert schemas["GenerateRequest"]["discriminator"]["mapping"]["flux-pro"] == "#/components/schemas/FluxProRequest"
    assert len(schemas["GenerateRequest"]["oneOf"]) == len(service.services.registry.models)
    assert {"HTTPValidationError", "ValidationError"}.isdisjoint(schemas)
    assert set(references(document)) <= set(schemas)


async def test_readiness_reports_each_server(service: Service) -> None:
    live, ready = await service.client.get("/health/live"), await service.client.get("/health/ready")

    assert (live.status_code, ready.status_code, ready.json()) == (
        200,
        200,
        {
            "status": "ready",
            "servers": {name: {"status": "up", "reason": None} for name in ("mongodb", "s3", "nats", "fal")},
        },
    )
