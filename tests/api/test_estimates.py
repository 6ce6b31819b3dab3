"""What was estimated is what is charged, for real."""

import asyncio

import pytest
from service import Json, Service

LORAS = [{"path": "https://example.com/me.safetensors", "scale": 0.8}]
PICTURE = "https://example.com/a.jpg"


@pytest.mark.parametrize(
    "asked",
    [
        {"model": "flux-pro", "inputs": {"prompt": "x"}, "options": {"num_images": 3, "image_size": "square"}},
        {"model": "flux-dev", "inputs": {"prompt": "x", "loras": LORAS}, "options": {"num_images": 2}},
        {"model": "flux-dev", "inputs": {"prompt": "x", "loras": []}, "options": {"width": 512, "height": 512}},
        {
            "model": "nano-banana-edit",
            "inputs": {"prompt": "x", "image_urls": [PICTURE]},
            "options": {"resolution": "4K", "num_images": 2},
        },
        {"model": "face-swap", "inputs": {"base_image_url": PICTURE, "swap_image_url": PICTURE}},
    ],
    ids=["flux-pro", "flux-dev with loras", "flux-dev", "nano-banana-edit in 4K", "face-swap"],
)
async def test_the_estimate_is_the_charge(service: Service, asked: Json) -> None:
    estimate, job = await asyncio.gather(
        service.client.post("/api/images/estimate-cost", json=asked), service.generate({**asked, "userId": "u"})
    )

    names = ("costPerImage", "totalCost", "numImages")
    assert {name: estimate.json()[name] for name in names} == {name: job.json()["cost"][name] for name in names}
