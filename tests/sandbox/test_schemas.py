"""Every known endpoint accepts what its schema accepts, and nothing else."""

from typing import Final

import pytest
from dirty_equals import IsPartialDict
from pydantic import JsonValue

from imagegen.sandbox.endpoint_schemas import billable_units, endpoints
from tests.sandbox.running_sandbox import FLUX, NANO, Caller, Json

I2I: Final = "fal-ai/flux/dev/image-to-image"
EXAMPLES: Final[dict[str, Json]] = {
    NANO: {
        "prompt": "Change the text",
        "image_urls": ["https://your-template.jpg"],
        "aspect_ratio": "9:16",
        "resolution": "1K",
        "output_format": "webp",
    },
    "fal-ai/flux-pro/v1.1": {"prompt": "A headshot", "image_size": "square", "safety_tolerance": "2"},
    FLUX: {"prompt": "A headshot", "num_images": 2, "image_size": {"width": 64}, "guidance_scale": 3.5},
    "fal-ai/flux-lora": {
        "prompt": "A headshot of jf",
        "loras": [{"path": "https://example.com/model.safetensors", "scale": 0.8}],
        "image_size": {"width": 64, "height": 64},
    },
    I2I: {"prompt": "A painting", "image_url": "https://example.com/a.jpg", "strength": 0.5},
    "fal-ai/face-swap": {
        "base_image_url": "https://example.com/a.jpg",
        "swap_image_url": "https://example.com/b.jpg",
    },
}


def test_six_endpoints_are_known() -> None:
    assert set(endpoints()) == set(EXAMPLES)


@pytest.mark.parametrize("endpoint", EXAMPLES)
async def test_example_bodies_complete(fal: Caller, endpoint: str) -> None:
    answer = await fal.generate(EXAMPLES[endpoint], endpoint)

    assert (answer.status_code, set(answer.json())) == (200, endpoints()[endpoint].outputs)


@pytest.mark.parametrize("endpoint", EXAMPLES)
async def test_unknown_field_fails_after_the_queue(fal: Caller, endpoint: str) -> None:
    submitted = await fal.submit(EXAMPLES[endpoint] | {"negative_prompt": "blur"}, endpoint)
    result = await fal.result(submitted.json())

    assert submitted.status_code == 200
    assert (result.status_code, result.json()) == (
        422,
        {
            "detail": [
                {
                    "loc": ["body", "negative_prompt"],
                    "msg": "Extra inputs are not permitted",
                    "type": "extra_forbidden",
                    "url": "https://docs.fal.ai/errors#extra_forbidden",
                    "input": "blur",
                }
            ]
        },
    )
    assert "x-fal-billable-units" not in result.headers


@pytest.mark.parametrize("endpoint", EXAMPLES)
def test_every_missing_input_is_named(endpoint: str) -> None:
    required = {
        NANO: {"prompt", "image_urls"},
        I2I: {"prompt", "image_url"},
        "fal-ai/face-swap": {"base_image_url", "swap_image_url"},
    }.get(endpoint, {"prompt"})

    faults = endpoints()[endpoint].violations({})

    assert {
        (fault["loc"][-1], fault["type"])
        for fault in faults
        if isinstance(fault, dict) and isinstance(fault["loc"], list)
    } == {(name, "missing") for name in required}


@pytest.mark.parametrize(
    ("endpoint", "member", "value", "loc", "fault"),
    [
        (FLUX, "prompt", 1, ["prompt"], {"type": "string_type"}),
        (FLUX, "num_images", 5, ["num_images"], {"type": "less_than_equal", "ctx": {"le": 4}}),
        (FLUX, "num_images", 0, ["num_images"], {"type": "greater_than_equal", "ctx": {"ge": 1}}),
        (FLUX, "num_images", True, ["num_images"], {"type": "int_type"}),
        (FLUX, "guidance_scale", 20.5, ["guidance_scale"], {"type": "less_than_equal", "ctx": {"le": 20}}),
        (FLUX, "output_format", "webp", ["output_format"], {"type": "one_of", "ctx": {"expected": ["jpeg", "png"]}}),
        (FLUX, "image_size", "huge", ["image_size"], {"type": "one_of"}),
        (FLUX, "image_size", {"width": 0}, ["image_size", "width"], {"type": "greater_than", "ctx": {"gt": 0}}),
        (FLUX, "image_size", {"depth": 1}, ["image_size", "depth"], {"type": "extra_forbidden"}),
        ("fal-ai/flux-lora", "loras", [{"scale": 1}], ["loras", 0, "path"], {"type": "missing"}),
        ("fal-ai/flux-lora", "acceleration", "high", ["acceleration"], {"type": "one_of"}),
        (NANO, "image_urls", "one.jpg", ["image_urls"], {"type": "list_type"}),
        (NANO, "prompt", "a" * 50_001, ["prompt"], {"type": "string_too_long", "ctx": {"max_length": 50_000}}),
    ],
)
def test_wrong_value_has_fals_message(
    endpoint: str, member: str, value: JsonValue, loc: list[str | int], fault: Json
) -> None:
    body = EXAMPLES[endpoint] | {member: value}

    assert endpoints()[endpoint].violations(body) == [IsPartialDict(loc=["body", *loc], **fault)]


async def test_endpoint_without_a_schema_accepts_anything(fal: Caller) -> None:
    answer = await fal.generate({"whatever": [1], "image_size": "square", "num_images": 2}, "owner/unheard-of/v9")

    assert (answer.status_code, len(answer.json()["images"])) == (200, 2)
    assert answer.headers["x-fal-billable-units"] == "2"


@pytest.mark.parametrize(
    ("endpoint", "body", "sizes", "units"),
    [
        (FLUX, {}, [(512, 512)], 1),
        (FLUX, {}, [(1024, 1024)], 1),
        (FLUX, {}, [(1280, 1024)], 2),
        (FLUX, {}, [(1920, 1080)] * 3, 6),
        (NANO, {"resolution": "2K"}, [(2048, 2048)] * 2, 2),
        (NANO, {"resolution": "4K"}, [(4096, 4096)] * 2, 4),
        ("fal-ai/face-swap", {}, [(4000, 4000)], 1),
        ("owner/unheard-of", {"resolution": "4K"}, [(4096, 4096)], 1),
    ],
)
def test_units_are_counted_as_at_fal(endpoint: str, body: Json, sizes: list[tuple[int, int]], units: int) -> None:
    assert billable_units(endpoint, body, sizes) == units
