"""Null equals absent, invisible text counts as none, and only equivalent names are suggested."""

from collections.abc import Callable
from typing import Any

import pytest

from imagegen.errors import InvalidInput
from imagegen.registry import Registry, given
from imagegen.registry.names import suggest_name

Json = dict[str, Any]
LoadWith = Callable[[str], Registry]
CAPTIONED = """
captioned:
  falEndpoint: fal-ai/captioned
  category: text-to-image
  requiredInputs: [caption, captions, either]
  optionalInputs: [note]
  costPerImage: 1
  description: Takes text that has no lower bound of its own
  parameters:
    caption: {type: string, example: x}
    captions: {type: array, items: {type: string}, example: [x]}
    either: {anyOf: [{type: string}, {type: integer}], example: x}
    note: {type: string}
"""
CAPTIONS: Json = {"caption": "x", "captions": ["x"], "either": "x"}


def faults(registry: Registry, body: Json) -> dict[str, str]:
    with pytest.raises(InvalidInput) as refused:
        registry.parse(body)
    return {fault.pointer: fault.code for fault in refused.value.faults}


def test_null_equals_absent_at_every_depth(registry: Registry) -> None:
    loras: list[Json] = [{"path": "someone/lora", "scale": None}]
    body: Json = {
        "model": "flux-dev",
        "inputs": {"prompt": "x", "seed": None, "loras": loras},
        "options": {"num_images": None, "image_size": None, "width": None},
        "userId": "u",
        "deadlineSeconds": None,
        "webhookUrl": None,
    }

    request = registry.parse(body)

    assert given(request) == {
        "model": "flux-dev",
        "inputs": {"prompt": "x", "loras": [{"path": "someone/lora"}]},
        "options": {},
        "userId": "u",
    }


def test_null_options_equal_absent_options(registry: Registry) -> None:
    request = registry.parse({"model": "flux-pro", "inputs": {"prompt": "x"}, "options": None, "userId": "u"})

    assert given(request.options) == {}


def test_null_is_ignored_by_conflict_rules(registry: Registry) -> None:
    body: Json = {"model": "flux-pro", "inputs": {}, "options": {"width": None, "image_size": "square"}, "userId": "u"}

    assert faults(registry, body) == {"/inputs/prompt": "missing"}


def test_null_equals_absent_in_a_batch(registry: Registry) -> None:
    item: Json = {"model": "flux-pro", "inputs": {"prompt": "x", "seed": None}, "options": None, "userId": None}

    assert given(registry.parse_item(item)) == {"model": "flux-pro", "inputs": {"prompt": "x"}}


@pytest.mark.parametrize(
    "text",
    [" ", "\t\r\n", "\u00a0\u3000", "\u200b\u2060\ufeff", "\u2800", "\u3164", " \u0000", "\u00ad\ufe0f", "\u2028"],
)
def test_required_invisible_text_is_refused_everywhere(load_with: LoadWith, text: str) -> None:
    registry = load_with(CAPTIONED)
    inputs: Json = {"caption": text, "captions": ["x", text], "either": text, "note": text}

    assert faults(registry, {"model": "captioned", "inputs": inputs, "userId": "u"}) == {
        "/inputs/caption": "blank",
        "/inputs/captions/1": "blank",
        "/inputs/either": "blank",
    }


@pytest.mark.parametrize("text", [".", " x ", "\U0001f5bc", "\u0301", "日本", "\u200b1"])
def test_visible_text_is_kept_unchanged(load_with: LoadWith, text: str) -> None:
    request = load_with(CAPTIONED).parse({"model": "captioned", "inputs": {**CAPTIONS, "caption": text}, "userId": "u"})

    assert given(request.inputs)["caption"] == text


NAMES = ("prompt", "loras", "seed", "guidance_scale", "num_inference_steps", "enhance_prompt")
OPTIONS = ("num_images", "image_size", "width", "height", "output_format", "enable_safety_checker")


@pytest.mark.parametrize(
    ("name", "valid", "meant"),
    [
        ("promt", NAMES, "prompt"),
        ("Prompt", NAMES, "prompt"),
        ("prompts", NAMES, "prompt"),
        ("guidanceScale", NAMES, "guidance_scale"),
        ("guidance", NAMES, "guidance_scale"),
        ("steps", NAMES, "num_inference_steps"),
        ("lora", NAMES, "loras"),
        ("numImages", OPTIONS, "num_images"),
        ("format", OPTIONS, "output_format"),
        ("safety_checker", OPTIONS, "enable_safety_checker"),
        ("image_urls", ("image_url",), "image_url"),
        ("user_id", ("userId", "limit"), "userId"),
        ("negative_prompt", NAMES, None),
        ("negativePrompt", NAMES, None),
        ("system_prompt", NAMES, None),
        ("prompt_strength", NAMES, None),
        ("image_style", OPTIONS, None),
        ("output_type", OPTIONS, None),
        ("disable_safety_checker", OPTIONS, None),
        ("mask_url", ("image_url", "prompt"), None),
        ("image_url", ("base_image_url", "swap_image_url"), None),
        ("created", ("createdFrom", "createdTo"), None),
        ("", NAMES, None),
        ("_" * 10_000, NAMES, None),
    ],
)
def test_only_equivalent_names_are_suggested(name: str, valid: tuple[str, ...], meant: str | None) -> None:
    assert suggest_name(name, valid) == meant


OTHERS = "flux-pro takes no '{}' in inputs, a parameter of other fal.ai models; it takes prompt, seed, enhance_prompt."


def test_parameter_of_other_models_is_reported_as_such(registry: Registry) -> None:
    inputs: Json = {"prompt": "x", "negative_prompt": "y", "image_prompt_strength": 1, "image_urls": []}
    with pytest.raises(InvalidInput) as refused:
        registry.parse({"model": "flux-pro", "inputs": inputs, "userId": "u"})

    assert [(fault.message, fault.suggestion) for fault in refused.value.faults] == [
        (
            OTHERS.format(name),
            None,
        )
        for name in ("negative_prompt", "image_prompt_strength", "image_urls")
    ]


def test_equivalent_of_another_models_parameter_is_suggested(registry: Registry) -> None:
    inputs: Json = {"prompt": "x", "image_urls": ["https://a.example"]}

    with pytest.raises(InvalidInput) as refused:
        registry.parse({"model": "flux-dev-image-to-image", "inputs": inputs, "userId": "u"})

    assert [fault.suggestion for fault in refused.value.faults if fault.code == "unknown_name"] == ["image_url"]
