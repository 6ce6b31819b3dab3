import math
from typing import Any, cast

import pytest
from dirty_equals import IsStr
from pydantic import TypeAdapter, ValidationError

from imagegen.errors import Fault, InvalidInput
from imagegen.registry import Registry

Json = dict[str, Any]


def faults(registry: Registry, body: Any) -> list[Fault]:
    with pytest.raises(InvalidInput) as refused:
        registry.parse(body)
    return list(refused.value.faults)


def flux_pro(inputs: Json | None = None, options: Json | None = None) -> Json:
    return {"model": "flux-pro", "inputs": {"prompt": "x", **(inputs or {})}, "options": options or {}, "userId": "u"}


def flux_dev(inputs: Json | None = None, options: Json | None = None) -> Json:
    return {**flux_pro(inputs, options), "model": "flux-dev"}


def edit(urls: object) -> Json:
    return {"model": "nano-banana-edit", "inputs": {"prompt": "x", "image_urls": urls}, "userId": "u"}


ONE_FAULT: list[tuple[Any, str, str, object]] = [
    (
        flux_pro({"promt": "y"}),
        "/inputs/promt",
        "unknown_name",
        "flux-pro takes no 'promt' in inputs; did you mean 'prompt'?",
    ),
    (
        flux_pro({"Prompt": "y"}),
        "/inputs/Prompt",
        "unknown_name",
        "flux-pro takes no 'Prompt' in inputs; did you mean 'prompt'?",
    ),
    (
        flux_pro({}, {"numImages": 2}),
        "/options/numImages",
        "unknown_name",
        IsStr(regex=".*did you mean 'num_images'.*"),
    ),
    (
        flux_pro({"guidance_scale": 2}),
        "/inputs/guidance_scale",
        "unknown_name",
        IsStr(regex=".* 'guidance_scale' in inputs, a parameter of other fal.ai models; it takes prompt, seed, .*"),
    ),
    (flux_pro({"num_images": 2}), "/inputs/num_images", "misplaced_name", "'num_images' belongs in options."),
    (flux_pro({}, {"seed": 2}), "/options/seed", "misplaced_name", "'seed' belongs in inputs."),
    (flux_pro({"userId": "u"}), "/inputs/userId", "misplaced_name", "'userId' belongs at the top of the body."),
    ({**flux_pro(), "seed": 2}, "/seed", "misplaced_name", "'seed' belongs in inputs."),
    (
        {**flux_pro(), "extra/~": 2},
        "/extra~1~0",
        "unknown_name",
        "flux-pro takes no 'extra/~'; it takes model, inputs, options, userId, deadlineSeconds, webhookUrl.",
    ),
    (flux_pro({"sync_mode": False}), "/inputs/sync_mode", "unsupported", IsStr(regex="sync_mode .* history .*")),
    (flux_pro({}, {"sync_mode": True}), "/options/sync_mode", "unsupported", IsStr(regex="sync_mode .* history .*")),
    (flux_pro({"seed": "1"}), "/inputs/seed", "wrong_type", "inputs.seed must be a whole number."),
    (flux_pro({"seed": True}), "/inputs/seed", "wrong_type", "inputs.seed must be a whole number."),
    (flux_pro({"seed": 1.5}), "/inputs/seed", "wrong_type", "inputs.seed must be a whole number."),
    (flux_pro({"prompt": None}), "/inputs/prompt", "missing", "inputs.prompt is required."),
    (flux_pro({"promt": None}), "/inputs/promt", "unknown_name", IsStr(regex=".*did you mean 'prompt'.*")),
    (
        flux_pro({"prompt": " \n"}),
        "/inputs/prompt",
        "blank",
        "inputs.prompt must not be blank: it has only spaces or invisible characters.",
    ),
    (edit([" "]), "/inputs/image_urls/0", "wrong_format", IsStr()),
    (edit([None]), "/inputs/image_urls/0", "wrong_type", "inputs.image_urls[0] must be text."),
    (
        flux_pro({"seed": 2**63}),
        "/inputs/seed",
        "out_of_range",
        "inputs.seed must be between 0 and 9223372036854775807.",
    ),
    (flux_pro({"seed": 10.0**300}), "/inputs/seed", "out_of_range", IsStr()),
    (flux_pro({"seed": math.inf}), "/inputs/seed", "wrong_type", IsStr()),
    (
        flux_pro({"enhance_prompt": 1}),
        "/inputs/enhance_prompt",
        "wrong_type",
        "inputs.enhance_prompt must be true or false.",
    ),
    (flux_pro({"prompt": ""}), "/inputs/prompt", "too_short", "inputs.prompt must not be empty."),
    (
        flux_pro({"prompt": "x" * 50_001}),
        "/inputs/prompt",
        "too_long",
        "inputs.prompt must have at most 50000 characters.",
    ),
    (flux_pro({"prompt": "\ud800"}), "/inputs/prompt", "wrong_format", IsStr(regex=".*Unicode.*")),
    (flux_pro({"prompt": ["x"]}), "/inputs/prompt", "wrong_type", "inputs.prompt must be text."),
    (
        flux_pro({}, {"num_images": 5}),
        "/options/num_images",
        "out_of_range",
        "options.num_images must be between 1 and 4.",
    ),
    (
        flux_pro({}, {"output_format": "jpg"}),
        "/options/output_format",
        "not_allowed",
        "options.output_format must be one of jpeg, png; did you mean 'jpeg'?",
    ),
    (
        flux_pro({}, {"safety_tolerance": 2}),
        "/options/safety_tolerance",
        "not_allowed",
        "options.safety_tolerance must be one of 1, 2, 3, 4, 5, 6.",
    ),
    (
        flux_pro({}, {"image_size": "sqare_hd"}),
        "/options/image_size",
        "not_allowed",
        IsStr(regex=".*did you mean 'square_hd'.*"),
    ),
    (
        flux_pro({}, {"image_size": "1024x1024"}),
        "/options/image_size",
        "not_allowed",
        IsStr(regex="options.image_size must be one of square_hd, .*, or an object with width and height."),
    ),
    (
        flux_pro({}, {"image_size": 512}),
        "/options/image_size",
        "wrong_type",
        "options.image_size must be an object or text.",
    ),
    (
        flux_pro({}, {"image_size": {"width": 512}}),
        "/options/image_size/height",
        "missing",
        "options.image_size.height is required.",
    ),
    (flux_pro({}, {"image_size": {"width": 512, "height": 0}}), "/options/image_size/height", "out_of_range", IsStr()),
    (
        flux_pro({}, {"image_size": {"width": 1, "height": 1, "heigth": 1}}),
        "/options/image_size/heigth",
        "unknown_name",
        IsStr(regex="options.image_size takes no .*'height'.*"),
    ),
    (
        flux_pro({}, {"width": 512}),
        "/options/height",
        "missing",
        "options.height is required together with options.width.",
    ),
    (
        flux_pro({}, {"height": 512}),
        "/options/width",
        "missing",
        "options.width is required together with options.height.",
    ),
    (
        flux_pro({}, {"width": 1, "height": 1, "image_size": "square"}),
        "/options/image_size",
        "conflict",
        IsStr(regex=".* excludes .*"),
    ),
    (
        flux_dev({"guidance_scale": math.nan}),
        "/inputs/guidance_scale",
        "out_of_range",
        "inputs.guidance_scale must be a finite number.",
    ),
    (flux_dev({"guidance_scale": 10**400}), "/inputs/guidance_scale", "wrong_type", IsStr()),
    (
        flux_dev({"guidance_scale": 0.5}),
        "/inputs/guidance_scale",
        "out_of_range",
        "inputs.guidance_scale must be between 1 and 20.",
    ),
    (
        flux_dev({"loras": [{"path": "a", "scale": 5}]}),
        "/inputs/loras/0/scale",
        "out_of_range",
        "inputs.loras[0].scale must be between 0 and 4.",
    ),
    (
        flux_dev({"loras": [{"path": "a", "force": True}]}),
        "/inputs/loras/0/force",
        "unknown_name",
        "inputs.loras[0] takes no 'force'; it takes path, scale.",
    ),
    (flux_dev({"loras": {"path": "a"}}), "/inputs/loras", "wrong_type", "inputs.loras must be a list."),
    (
        flux_dev({"loras": [{"path": "a"}]}, {"acceleration": "high"}),
        "/options/acceleration",
        "not_allowed",
        "With loras, options.acceleration must be one of none, regular.",
    ),
    (edit([]), "/inputs/image_urls", "too_short", "inputs.image_urls must not be empty."),
    (
        edit(["https://a.example"] * 15),
        "/inputs/image_urls",
        "too_long",
        "inputs.image_urls must have at most 14 items.",
    ),
    (edit("https://a.example"), "/inputs/image_urls", "wrong_type", "inputs.image_urls must be a list."),
    (
        edit(["DATA:image/png;base64"]),
        "/inputs/image_urls/0",
        "wrong_format",
        "inputs.image_urls[0] must begin like data:image/png;base64, if it is a data URI.",
    ),
    (edit(["data:" + "A" * 10**6]), "/inputs/image_urls/0", "wrong_format", IsStr(max_length=200)),
    (edit(["data:" + ";a=b" * 10**5]), "/inputs/image_urls/0", "wrong_format", IsStr(max_length=200)),
    (edit(["ftp://a.example/x.png"]), "/inputs/image_urls/0", "wrong_format", IsStr(regex=".*http or https URL.*")),
    (
        edit(["./x.png"]),
        "/inputs/image_urls/0",
        "wrong_format",
        IsStr(regex=".*; upload a file with POST /api/uploads."),
    ),
    (edit(["https://"]), "/inputs/image_urls/0", "wrong_format", IsStr()),
    (edit(["https://[::1/x.png"]), "/inputs/image_urls/0", "wrong_format", IsStr()),
    (edit(["https://a.example:99999/"]), "/inputs/image_urls/0", "wrong_format", IsStr()),
    (edit(["https://a.example/a b"]), "/inputs/image_urls/0", "wrong_format", IsStr()),
    ({**flux_pro(), "userId": "a\nb"}, "/userId", "wrong_format", IsStr(regex="userId must be printable.*")),
    ({**flux_pro(), "userId": ""}, "/userId", "too_short", "userId must not be empty."),
    ({**flux_pro(), "userId": "u" * 129}, "/userId", "too_long", "userId must have at most 128 characters."),
    ({**flux_pro(), "userId": 7}, "/userId", "wrong_type", "userId must be text."),
    ({**flux_pro(), "userId": None}, "/userId", "missing", "userId is required."),
    ({**flux_pro(), "inputs": []}, "/inputs", "wrong_type", "inputs must be an object."),
    ({"model": "flux-pro", "userId": "u"}, "/inputs/prompt", "missing", "inputs.prompt is required."),
    ({**flux_pro(), "\ud800": 1}, "", "wrong_format", IsStr()),
    ([], "", "wrong_type", "The body must be a JSON object."),
    (None, "", "wrong_type", "The body must be a JSON object."),
]


@pytest.mark.parametrize(("body", "pointer", "code", "message"), ONE_FAULT, ids=range(len(ONE_FAULT)))
def test_fault_has_its_place_and_message(
    registry: Registry, body: Any, pointer: str, code: str, message: object
) -> None:
    assert [(fault.pointer, fault.code, fault.message) for fault in faults(registry, body)] == [
        (pointer, code, message)
    ]


OBJECTS: list[Json] = [body for body, *_ in ONE_FAULT if isinstance(body, dict)]


@pytest.mark.parametrize("body", OBJECTS, ids=range(len(OBJECTS)))
def test_union_reports_the_same_faults_as_the_model(registry: Registry, body: Json) -> None:
    """FastAPI validates against the union, and prefixes every place with `body`."""
    with pytest.raises(ValidationError) as found:
        TypeAdapter[object](cast("Any", registry.request_type)).validate_python(body)
    errors = found.value.errors(include_url=False)
    for error in errors:
        error["loc"] = ("body", *error["loc"])

    refusal = registry.invalid_request(errors, body)

    assert isinstance(refusal, InvalidInput)
    assert list(refusal.faults) == faults(registry, body)
