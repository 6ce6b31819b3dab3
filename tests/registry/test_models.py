import io
from decimal import Decimal
from typing import Any, cast

import pytest
from PIL import Image

from imagegen.data_uris import read_data_uri
from imagegen.errors import InvalidInput
from imagegen.registry import FalRequest, Registry, given, load_registry

Json = dict[str, Any]
LORAS: Json = {"prompt": "x", "loras": [{"path": "https://example.com/me.safetensors", "scale": 0.8}]}
MODELS = ("nano-banana-edit", "flux-pro", "flux-dev", "flux-lora", "flux-dev-image-to-image", "face-swap")


def test_models_of_the_first_release_are_first_and_as_they_were(registry: Registry) -> None:
    first = {name: registry.models[name] for name in MODELS}

    assert {name: (model.endpoint, model.category, model.cost_per_image) for name, model in first.items()} == {
        "nano-banana-edit": ("fal-ai/nano-banana-pro/edit", "image-editing", Decimal("0.15")),
        "flux-pro": ("fal-ai/flux-pro/v1.1", "text-to-image", Decimal("0.05")),
        "flux-dev": ("fal-ai/flux/dev", "text-to-image", Decimal("0.025")),
        "flux-lora": ("fal-ai/flux-lora", "text-to-image", Decimal("0.035")),
        "flux-dev-image-to-image": ("fal-ai/flux/dev/image-to-image", "image-to-image", Decimal("0.03")),
        "face-swap": ("fal-ai/face-swap", "face-swap", Decimal("0.001")),
    }
    assert tuple(registry.models)[:6] == MODELS
    assert registry.warnings == ()


@pytest.mark.parametrize("name", MODELS)
def test_model_examples_are_valid_requests(registry: Registry, name: str) -> None:
    example = registry.model(name).example()

    request = registry.parse(example)

    assert request.model_dump(mode="json", exclude_unset=True) == example
    assert request.user_id == "user123"


@pytest.mark.parametrize("name", MODELS)
def test_images_of_examples_exist(registry: Registry, name: str) -> None:
    model = registry.model(name)
    example: Json = model.example()
    images = [Image.open(io.BytesIO(read_data_uri(url))) for _, url in model.image_urls(example["inputs"], {})]

    for image in images:
        image.load()
    assert [image.format for image in images] == ["WEBP"] * len(images)
    assert len(images) == sum("image_url" in required for required in model.required_inputs)


def test_changing_an_example_does_not_change_the_next(registry: Registry) -> None:
    changed: Json = registry.model("flux-lora").example()
    changed["inputs"]["loras"].clear()

    assert registry.model("flux-lora").example() != changed


@pytest.mark.parametrize(
    "body",
    [
        {"model": "flux-pro", "inputs": {"prompt": "A professional headshot of a business consultant"}},
        {
            "model": "nano-banana-edit",
            "inputs": {
                "prompt": "Transform this billboard for an SEO workshop. Change text to: THE DEFINITIVE WORKSHOP",
                "image_urls": ["https://your-template.jpg"],
            },
            "options": {"aspect_ratio": "9:16", "resolution": "2K"},
        },
        {
            "model": "nano-banana-edit",
            "inputs": {
                "prompt": "Replace the person in the second image with the person from the first image",
                "image_urls": ["https://s3.example/jesse-reference.jpg", "https://s3.example/ad-template.jpg"],
            },
            "options": {"aspect_ratio": "1:1", "resolution": "2K", "output_format": "png"},
        },
    ],
)
def test_requests_reach_fal_unchanged(registry: Registry, body: Json) -> None:
    request = registry.parse({**body, "userId": "user123"})

    asked = registry.model(request.model).fal_request(given(request.inputs), given(request.options))

    assert asked.payload == {**body["inputs"], **body.get("options", {})}


def test_width_and_height_become_image_size(registry: Registry) -> None:
    asked = registry.model("flux-lora").fal_request(LORAS, {"width": 1024, "height": 768})

    assert asked == FalRequest("fal-ai/flux-lora", {**LORAS, "image_size": {"width": 1024, "height": 768}})


def test_flux_dev_with_loras_uses_the_lora_endpoint(registry: Registry) -> None:
    asked = registry.model("flux-dev").fal_request(LORAS, {"num_images": 2})

    assert asked == FalRequest("fal-ai/flux-lora", {**LORAS, "num_images": 2})


def test_flux_dev_without_loras_uses_its_own_endpoint(registry: Registry) -> None:
    model = registry.model("flux-dev")

    assert model.fal_request({"prompt": "x", "loras": []}, {}) == FalRequest("fal-ai/flux/dev", {"prompt": "x"})
    assert model.price({"prompt": "x", "loras": []}, {}).cost_per_image == Decimal("0.025")


@pytest.mark.parametrize(
    ("name", "inputs", "options", "price"),
    [
        ("flux-pro", {}, {}, ("0.05", "0.05")),
        ("flux-pro", {}, {"num_images": 3}, ("0.05", "0.15")),
        ("flux-pro", {}, {"num_images": 3.0}, ("0.05", "0.15")),
        ("nano-banana-edit", {}, {"resolution": "1K"}, ("0.15", "0.15")),
        ("nano-banana-edit", {}, {"resolution": "4K", "num_images": 4}, ("0.30", "1.20")),
        ("nano-banana-edit", {"enable_web_search": True}, {}, ("0.165", "0.165")),
        ("nano-banana-edit", {"enable_web_search": False}, {}, ("0.15", "0.15")),
        ("nano-banana-edit", {"enable_web_search": True}, {"resolution": "4K", "num_images": 2}, ("0.315", "0.630")),
        ("flux-dev", {}, {"num_images": 3}, ("0.025", "0.075")),
        ("flux-dev", LORAS, {"num_images": 3}, ("0.035", "0.105")),
        ("face-swap", {}, {}, ("0.001", "0.001")),
    ],
)
def test_prices_are_exact(registry: Registry, name: str, inputs: Json, options: Json, price: tuple[str, str]) -> None:
    """In US dollars: for one image and in total."""
    found = registry.model(name).price(inputs, options)

    assert (str(found.cost_per_image), str(found.total)) == price


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("count", [1, 10, 10_000])
def test_estimate_accepts_up_to_10000_images(registry: Registry, name: str, count: int) -> None:
    model = registry.model(name)

    assert model.estimate({}, {"num_images": count}).total == model.cost_per_image * count


IMPOSSIBLE: list[tuple[Json, Json, str, str]] = [
    ({}, {"num_images": 0}, "/options/num_images", "out_of_range"),
    ({}, {"num_images": 10_001}, "/options/num_images", "out_of_range"),
    ({}, {"num_images": "10"}, "/options/num_images", "wrong_type"),
    ({}, {"num_images": True}, "/options/num_images", "wrong_type"),
    ({}, {"num_image": 10}, "/options/num_image", "unknown_name"),
    ({"seed": -1}, {}, "/inputs/seed", "out_of_range"),
    ({"num_images": 3}, {}, "/inputs/num_images", "misplaced_name"),
    ({"loras": [{}]}, {}, "/inputs/loras/0/path", "missing"),
    (LORAS, {"acceleration": "high"}, "/options/acceleration", "not_allowed"),
    ({}, {"width": 512}, "/options/height", "missing"),
]


@pytest.mark.parametrize(("inputs", "options", "pointer", "code"), IMPOSSIBLE)
def test_estimate_refuses_impossible_values(
    registry: Registry, inputs: Json, options: Json, pointer: str, code: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        registry.model("flux-dev").estimate(inputs, options)

    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == [(pointer, code)]


def nodes(schema: Any) -> list[Json]:
    if isinstance(schema, list):
        return [node for item in cast("list[Any]", schema) for node in nodes(item)]
    if not isinstance(schema, dict):
        return []
    held = cast("Json", schema)
    return [held, *(node for value in held.values() for node in nodes(value))]


def test_union_is_discriminated_and_shares_objects() -> None:
    registry = load_registry(offered=MODELS)
    schemas = registry.request_schemas("#/")

    stems = ("NanoBananaEdit", "FluxPro", "FluxDev", "FluxLora", "FluxDevImageToImage", "FaceSwap")
    for union, kind in {
        "GenerateRequest": "Request",
        "EstimateRequest": "EstimateRequest",
        "BatchItem": "BatchItem",
    }.items():
        references = {name: f"#/{stem}{kind}" for name, stem in zip(MODELS, stems, strict=True)}
        assert schemas[union] == {
            "oneOf": [{"$ref": reference} for reference in references.values()],
            "discriminator": {"propertyName": "model", "mapping": references},
        }
    parts = ("Inputs", "Options", "Request", "BatchItem", "EstimateInputs", "EstimateOptions", "EstimateRequest")
    assert set(schemas) == {
        *("GenerateRequest", "EstimateRequest", "BatchItem", "ImageSize", "LoraWeight"),
        *(f"{stem}{part}" for stem in stems for part in parts),
    }
    assert (registry.request_type.__name__, registry.estimate_type.__name__) == ("GenerateRequest", "EstimateRequest")


def test_schemas_suit_client_generators(registry: Registry) -> None:
    """Generators turn titles into colliding class names, send defaults, and require nullable members."""
    definitions = registry.request_schemas("#/")

    found = {
        key
        for definition in definitions.values()
        for node in nodes(definition.get("properties", {}))
        for key in node
        if key in {"title", "default"} or node.get("type") == "null"
    }

    assert found == set()


def test_parameter_schema_describes_the_parameter(registry: Registry) -> None:
    schema = registry.model("flux-dev").inputs_schema()["properties"]["guidance_scale"]

    assert schema == {
        "type": "number",
        "minimum": 1,
        "maximum": 20,
        "description": "How closely the image follows the prompt. Default: 3.5.",
        "examples": [3.5],
    }


def test_request_schema_has_an_example(registry: Registry) -> None:
    model = registry.model("flux-lora")

    assert model.request_class.model_json_schema()["examples"] == [model.example()]
