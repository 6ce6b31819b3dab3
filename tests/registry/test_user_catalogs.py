from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from imagegen.errors import InvalidInput
from imagegen.registry import FalRequest, Model, Registry, load_registry
from imagegen.registry.loading import built_in_vocabulary

Json = dict[str, Any]
LoadWith = Callable[[str], Registry]
AS_IN_THE_README = """
your-new-model:
  falEndpoint: fal-ai/your-endpoint
  category: text-to-image
  requiredInputs: [prompt]
  optionalInputs: [seed, guidance_scale]
  defaultOptions: {num_images: 1}
  costPerImage: 0.03
  description: Your model description
"""
HEAD = """
mine:
  falEndpoint: fal-ai/mine
  category: text-to-image
  costPerImage: 0.1
  description: Mine
"""


def codes(model: Model, inputs: Json, options: Json) -> dict[str, str]:
    with pytest.raises(InvalidInput) as refused:
        model.estimate(inputs, options)
    return {fault.pointer: fault.code for fault in refused.value.faults}


def test_entry_for_an_unknown_endpoint_is_a_complete_model(load_with: LoadWith) -> None:
    registry = load_with(AS_IN_THE_README)
    model = registry.model("your-new-model")
    body: Json = {"model": "your-new-model", "inputs": {"prompt": "a fox", "guidance_scale": 3}, "userId": "u"}

    request = registry.parse(body)

    assert request.model_dump(mode="json", exclude_unset=True) == body
    assert type(request).__name__ == "YourNewModelRequest"
    assert model.fal_request({"prompt": "a fox"}, {"aspect_ratio": "4:1"}) == FalRequest(
        "fal-ai/your-endpoint", {"prompt": "a fox", "aspect_ratio": "4:1", "num_images": 1}
    )
    assert model.estimate({}, {"num_images": 10}).total == Decimal("0.30")
    assert (list(registry.models)[-1], registry.warnings) == ("your-new-model", ())


def test_entry_without_options_accepts_every_option(load_with: LoadWith) -> None:
    registry = load_with(AS_IN_THE_README)

    assert set(registry.model("your-new-model").options) == {*built_in_vocabulary().options}


def test_later_entry_replaces_an_earlier_one(tmp_path: Path) -> None:
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text(HEAD.replace("mine:", "flux-pro:") + AS_IN_THE_README, encoding="utf-8")
    second.write_text(HEAD.replace("mine:", "flux-pro:").replace("0.1", "0.2"), encoding="utf-8")

    registry = load_registry([first, second])

    flux = registry.model("flux-pro")
    assert (flux.endpoint, flux.required_inputs, flux.cost_per_image) == ("fal-ai/mine", (), Decimal("0.2"))
    assert list(registry.models) == [*load_registry().models, "your-new-model"]


@pytest.mark.parametrize("price", ["0.10", "0.123456789", "'0.03'", "3", "1e-3"])
def test_price_is_read_from_its_text(load_with: LoadWith, price: str) -> None:
    registry = load_with(HEAD.replace("0.1", price))

    assert str(registry.model("mine").cost_per_image) == str(Decimal(price.strip("'")))


def test_unknown_parameter_accepts_any_json_with_a_warning(load_with: LoadWith, tmp_path: Path) -> None:
    registry = load_with(HEAD + "  optionalInputs: [mystery, sed]\n")

    registry.parse({"model": "mine", "inputs": {"mystery": [None, {"a": 1}], "sed": "x"}, "userId": "u"})

    place = f"{tmp_path / 'mine.yaml'}: mine"
    assert registry.warnings == (
        f"{place}: no parameter 'mystery' is known, so any JSON is accepted for it",
        f"{place}: no parameter 'sed' is known, so any JSON is accepted for it, did you mean 'seed'?",
    )


def test_keywords_narrow_and_a_type_replaces_a_parameter(load_with: LoadWith) -> None:
    text = HEAD + "  optionalInputs: [seed, strength]\n  parameters: {seed: {maximum: 9}, strength: {type: string}}\n"
    schema = load_with(text).model("mine").inputs_schema()["properties"]

    assert (schema["seed"]["minimum"], schema["seed"]["maximum"], schema["strength"]) == (0, 9, {"type": "string"})


def test_own_parameter_may_use_all_supported_keywords(load_with: LoadWith) -> None:
    text = HEAD + (
        "  optionalInputs: [camera, level, tags, free, mix, mask]\n"
        "  parameters:\n"
        "    camera: {type: object, properties: {angle: {type: number, exclusiveMinimum: 0}}, required: [angle]}\n"
        "    level: {type: integer, enum: [1, 2]}\n"
        "    tags: {type: array, maxItems: 2}\n"
        "    free: {type: object}\n"
        "    mix: {anyOf: [{type: boolean}, {type: array, items: {type: string}}]}\n"
        "    mask: {$ref: '#/definitions/PictureUrl', description: What to change}\n"
    )
    model = load_with(text).model("mine")
    sound: Json = {
        "camera": {"angle": 1},
        "level": 2,
        "tags": [1, "a"],
        "free": {"x": 1},
        "mix": True,
        "mask": "http://a.b",
    }

    model.estimate(sound, {})

    assert codes(
        model,
        {"camera": {"angle": 0, "z": 1}, "level": True, "tags": [1, 2, 3], "free": 1, "mix": [1], "mask": "data:x"},
        {},
    ) == {
        "/inputs/camera/angle": "out_of_range",
        "/inputs/camera/z": "unknown_name",
        "/inputs/level": "wrong_type",
        "/inputs/tags": "too_long",
        "/inputs/free": "wrong_type",
        "/inputs/mix/0": "wrong_type",
        "/inputs/mask": "wrong_format",
    }


@pytest.mark.parametrize("name", ["schema", "json", "copy", "model_name", "model_config", "_private", "class", "self"])
def test_parameter_may_have_a_name_reserved_by_python(load_with: LoadWith, name: str) -> None:
    registry = load_with(HEAD + f"  requiredInputs: [{name}]\n  parameters: {{{name}: {{type: string}}}}\n")
    body: Json = {"model": "mine", "inputs": {name: "x"}, "userId": "u"}

    assert registry.parse(body).model_dump(mode="json", exclude_unset=True) == body
    assert list(registry.model("mine").inputs_schema()["properties"]) == [name]


def test_width_and_height_as_inputs_are_unchanged(load_with: LoadWith) -> None:
    model = load_with(HEAD + "  optionalInputs: [width, height]\n").model("mine")

    assert model.fal_request({"width": 10}, {}).payload == {"width": 10}


def test_given_size_overrides_a_default_size(load_with: LoadWith) -> None:
    model = load_with(HEAD + "  defaultOptions: {image_size: square, output_format: png}\n").model("mine")

    assert [
        model.fal_request({}, options).payload
        for options in ({}, {"width": 5, "height": 6}, {"image_size": "square_hd"}, {"output_format": "webp"})
    ] == [
        {"image_size": "square", "output_format": "png"},
        {"image_size": {"width": 5, "height": 6}, "output_format": "png"},
        {"image_size": "square_hd", "output_format": "png"},
        {"image_size": "square", "output_format": "webp"},
    ]


def test_first_matching_route_applies_and_keeps_price_rules(load_with: LoadWith) -> None:
    text = HEAD + (
        "  optionalInputs: [seed, loras, strength]\n"
        "  priceRules: [{option: resolution, value: 4K, multiply: 1.5}]\n"
        "  routes:\n"
        "    - {when: loras, falEndpoint: fal-ai/with-loras, costPerImage: 0.3}\n"
        "    - {when: strength, falEndpoint: fal-ai/with-strength}\n"
    )
    model = load_with(text).model("mine")
    loras: Json = {"loras": [{"path": "a"}]}
    strength: Json = {"strength": 0.5}
    options: Json = {"resolution": "4K"}

    assert [
        (model.fal_request(inputs, options).endpoint, model.price(inputs, options).total)
        for inputs in (Json(), loras, strength, {**loras, **strength})
    ] == [
        ("fal-ai/mine", Decimal("0.15")),
        ("fal-ai/with-loras", Decimal("0.45")),
        ("fal-ai/with-strength", Decimal("0.15")),
        ("fal-ai/with-loras", Decimal("0.45")),
    ]


def test_default_options_affect_the_price(load_with: LoadWith) -> None:
    text = HEAD + (
        "  defaultOptions: {resolution: 4K, num_images: 2}\n"
        "  priceRules: [{option: resolution, value: 4K, multiply: 2}]\n"
    )
    model = load_with(text).model("mine")

    assert (model.price({}, {}).total, model.price({}, {"resolution": "2K"}).total) == (Decimal("0.4"), Decimal("0.2"))
