"""Estimates equal what is charged."""

import asyncio
import re

import pytest
from dirty_equals import IsPartialDict, IsStr

from tests.support.service import FLUX, Json, Service, running

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
async def test_estimate_equals_the_charge(service: Service, asked: Json) -> None:
    estimate, job = await asyncio.gather(
        service.client.post("/api/images/estimate-cost", json=asked), service.generate({**asked, "userId": "u"})
    )

    names = ("costPerImage", "totalCost", "numImages")
    assert {name: estimate.json()[name] for name in names} == {name: job.json()["cost"][name] for name in names}


async def warnings(service: Service, body: Json) -> dict[str, tuple[str, str]]:
    answer = await service.client.post("/api/images/estimate-cost", json=body)
    assert answer.status_code == 200, answer.text
    return {warning["pointer"]: (warning["code"], warning["message"]) for warning in answer.json()["warnings"]}


async def test_estimate_beyond_the_models_limit_has_a_warning(service: Service) -> None:
    answer = await service.client.post(
        "/api/images/estimate-cost", json={"model": "flux-pro", "options": {"num_images": 10}}
    )

    assert answer.status_code == 200
    assert answer.json() == IsPartialDict(
        totalCost=0.5,
        numImages=10,
        warnings=[
            {"pointer": "/inputs/prompt", "code": "missing", "message": "inputs.prompt is required."},
            {
                "pointer": "/options/num_images",
                "code": "out_of_range",
                "message": "options.num_images must be between 1 and 4. Send 3 requests, or one batch of them.",
            },
        ],
    )


async def test_valid_request_has_no_warnings(service: Service) -> None:
    assert await warnings(service, {**FLUX, "deadlineSeconds": 600}) == {}


async def test_single_image_model_is_priced_for_many_with_a_warning(service: Service) -> None:
    found = await warnings(
        service,
        {
            "model": "face-swap",
            "inputs": {"base_image_url": PICTURE, "swap_image_url": PICTURE},
            "options": {"num_images": 3},
        },
    )

    assert found == {
        "/options/num_images": (
            "unknown_name",
            IsStr(regex="face-swap takes no 'num_images' in options, .* Send 3 requests, or one batch of them."),
        )
    }


async def test_limits_of_the_service_are_warnings(service: Service) -> None:
    inputs = {"prompt": "x", "image_urls": ["data:image/png;base64,AAAA", *[PICTURE] * 13]}
    limits = service.services.settings.limits.model_copy(
        update={"max_prompt_chars": 0, "max_image_urls": 1, "url_schemes": "data,http"}
    )
    settings = service.services.settings.model_copy(update={"limits": limits})
    async with running(settings, with_runner=False) as strict:
        found = await warnings(
            strict, {"model": "nano-banana-edit", "inputs": inputs, "webhookUrl": "https://example.com/x"}
        )

    assert {pointer: code for pointer, (code, _) in found.items()} == {
        "/inputs/prompt": "too_long",
        "/inputs/image_urls": "too_long",
        "/inputs/image_urls/0": "wrong_format",
        **{f"/inputs/image_urls/{number}": "not_allowed" for number in range(1, 14)},
        "/webhookUrl": "unsupported",
    }


async def test_warnings_equal_the_faults_of_generate(service: Service) -> None:
    body: Json = {
        "model": "flux-dev",
        "inputs": {"prompt": None, "loras": LORAS},
        "options": {"num_images": 7, "image_size": None},
        "userId": "u",
    }
    refusal = (await service.generate(body)).json()

    found = await warnings(service, body)

    assert found == {
        error["pointer"]: (error["code"], IsStr(regex=re.escape(error["message"]) + ".*"))
        for error in refusal["errors"]
    }


async def test_estimate_refuses_what_no_model_takes(service: Service) -> None:
    body = {"model": "flux-pro", "inputs": {"promt": "x"}, "userId": 7, "unknown": 1}

    answer = await service.client.post("/api/images/estimate-cost", json=body)

    assert [error["pointer"] for error in answer.json()["errors"]] == ["/inputs/promt", "/userId", "/unknown"]
