import math
from typing import Any

import pytest

from imagegen.errors import Fault, InvalidInput, UnknownModel
from imagegen.registry import Registry

Json = dict[str, Any]


def faults(registry: Registry, body: Any) -> list[Fault]:
    with pytest.raises(InvalidInput) as refused:
        registry.parse(body)
    return list(refused.value.faults)


def flux_pro(inputs: Json, options: Json | None = None) -> Json:
    return {"model": "flux-pro", "inputs": {"prompt": "x", **inputs}, "options": options or {}, "userId": "u"}


def test_all_faults_and_conflicts_are_reported_at_once(registry: Registry) -> None:
    body = {
        "model": "flux-dev",
        "inputs": {"promt": "x", "loras": [{"pth": "a"}]},
        "options": {"width": 512, "num_images": 9, "acceleration": "high"},
    }

    assert {fault.pointer: fault.code for fault in faults(registry, body)} == {
        "/inputs/prompt": "missing",
        "/inputs/promt": "unknown_name",
        "/inputs/loras/0/path": "missing",
        "/inputs/loras/0/pth": "unknown_name",
        "/options/num_images": "out_of_range",
        "/options/height": "missing",
        "/options/acceleration": "not_allowed",
        "/userId": "missing",
    }


def test_missing_inputs_are_named(registry: Registry) -> None:
    with pytest.raises(InvalidInput) as refused:
        registry.parse({"model": "nano-banana-edit", "inputs": {}, "userId": "u"})

    assert refused.value.missing == ("prompt", "image_urls")


def test_valid_names_and_values_are_listed(registry: Registry) -> None:
    found = faults(registry, flux_pro({"zzz": 1}, {"output_format": "bmp"}))

    assert {fault.pointer: fault.valid for fault in found} == {
        "/inputs/zzz": ("prompt", "seed", "enhance_prompt"),
        "/options/output_format": ("jpeg", "png"),
    }


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("flux-prp", "flux-pro"),
        ("FLUX_PRO", "flux-pro"),
        ("nano-bananas-edit", "nano-banana-edit"),
        ("zzz", None),
        ("", None),
    ],
)
def test_unknown_model_has_a_suggestion(registry: Registry, name: str, suggestion: str | None) -> None:
    with pytest.raises(UnknownModel) as refused:
        registry.parse({"model": name, "inputs": {"anything": 1}})

    assert (refused.value.name, refused.value.valid, refused.value.suggestion) == (
        name,
        tuple(registry.models),
        suggestion,
    )


def test_long_or_broken_model_name_is_cut(registry: Registry) -> None:
    with pytest.raises(UnknownModel) as refused:
        registry.model("\ud800" + "x" * 10**6)

    assert refused.value.name == "?" + "x" * 99


@pytest.mark.parametrize("model", [3, ["flux-pro"], {"name": "flux-pro"}, True, math.nan])
def test_non_text_model_is_reported_with_other_faults(registry: Registry, model: object) -> None:
    found = faults(registry, {"model": model, "userId": "u", "input": {}})

    assert [(fault.pointer, fault.code, fault.valid, fault.suggestion) for fault in found] == [
        ("/model", "wrong_type", tuple(registry.models), None),
        ("/inputs", "missing", (), None),
        ("/input", "unknown_name", ("model", "inputs", "options", "userId", "deadlineSeconds", "webhookUrl"), "inputs"),
    ]


def test_body_without_a_model_lists_the_models(registry: Registry) -> None:
    found = faults(registry, {"inputs": {}, "userId": "u"})

    assert found == [
        Fault(pointer="/model", code="missing", message="model is required.", valid=tuple(registry.models))
    ]


def test_invalid_json_is_reported_with_its_reason(registry: Registry) -> None:
    error: Any = {
        "type": "json_invalid",
        "loc": ("body", 1),
        "msg": "JSON decode error",
        "ctx": {"error": "Expecting value"},
    }

    refusal = registry.invalid_request([error], None)

    assert isinstance(refusal, InvalidInput)
    assert refusal.faults == (
        Fault(pointer="", code="invalid_json", message="The body is not valid JSON: Expecting value."),
    )


def test_number_of_faults_is_limited(registry: Registry) -> None:
    body = flux_pro({f"name{number}": 1 for number in range(10_000)})

    assert len(faults(registry, body)) == 100


def test_only_the_first_unknown_model_of_a_batch_lists_the_models(registry: Registry) -> None:
    wrong: list[Json] = [{"model": name, "inputs": {}} for name in ("nobody", "none", "flux-pr", "no-one")]
    body: Json = {"userId": "u", "requests": [{"model": "flux-pro", "inputs": {}}, *wrong]}

    refusal = registry.invalid_batch((), body)
    assert isinstance(refusal, InvalidInput)
    faults = [fault for fault in refusal.faults if fault.code == "unknown_model"]

    assert [bool(fault.valid) for fault in faults] == [True, False, False, False]
    assert ["Valid models" in fault.message for fault in faults] == [True, False, False, False]
    assert [fault.suggestion for fault in faults][2] == "flux-pro"


@pytest.mark.parametrize("request_of_none", [{"inputs": {}}, {"model": None}, {"model": "nobody"}])
def test_refusal_of_a_large_batch_is_small(registry: Registry, request_of_none: Json) -> None:
    body: Json = {"userId": "u", "requests": [request_of_none] * 1000}
    refusal = registry.invalid_batch((), body)
    assert isinstance(refusal, InvalidInput)

    assert sum(bool(fault.valid) for fault in refusal.faults) == 1
    assert sum(len(str(fault)) for fault in refusal.faults) < 50_000
