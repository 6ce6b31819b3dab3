"""What a model can do is read from its parameters, whatever they are called and however they are described."""

from collections.abc import Callable

import pytest

from imagegen.errors import CatalogError
from imagegen.registry import Registry
from imagegen.registry.capabilities import Capabilities, SizeForm

LoadWith = Callable[[str], Registry]
URI = "{type: string, format: uri}"
IMAGES = "{type: array, items: {type: string, format: uri}}"
OBJECTS = "{type: array, items: {type: object, properties: {image_url: {type: string, format: uri}}}}"
LORAS = "{type: array, items: {type: object, properties: {path: {type: string}}}}"
CONTROL_LORAS = LORAS.replace("path:", "control_image_url: {type: string, format: uri}, path:")
MASKED = "{type: array, items: {type: object, properties: {mask_image_url: {type: string, format: uri}}}}"


def entry(inputs: str = "", options: str = "num_images", parameters: str = "", more: str = "") -> str:
    lines = (
        "mine:",
        "falEndpoint: fal-ai/mine",
        "category: text-to-image",
        "requiredInputs: [prompt]",
        f"optionalInputs: [{inputs}]",
        f"options: [{options}]",
        f"parameters: {{{parameters}}}",
        "costPerImage: 0.1",
        "description: Mine",
        more,
    )
    return "\n  ".join(line for line in lines if line) + "\n"


@pytest.mark.parametrize(
    ("name", "images", "mask", "loras", "sizes", "most"),
    [
        ("nano-banana-edit", True, False, False, SizeForm.RATIOS, 4),
        ("flux-pro", False, False, False, SizeForm.PIXELS, 4),
        ("flux-dev", False, False, True, SizeForm.PIXELS, 4),
        ("flux-lora", False, False, True, SizeForm.PIXELS, 4),
        ("flux-dev-image-to-image", True, False, False, SizeForm.NONE, 4),
        ("face-swap", True, False, False, SizeForm.NONE, 1),
    ],
)
def test_capabilities_of_built_in_models(
    registry: Registry, name: str, *, images: bool, mask: bool, loras: bool, sizes: SizeForm, most: int
) -> None:
    assert registry.model(name).capabilities == Capabilities(
        takes_images=images, takes_mask=mask, takes_loras=loras, sizes=sizes, max_images=most
    )


@pytest.mark.parametrize(
    ("parameter", "schema", "images", "mask", "loras"),
    [
        ("image_url", URI, True, False, False),
        ("garment_photo", URI, True, False, False),
        ("control_method_url", URI, True, False, False),
        ("references", IMAGES, True, False, False),
        ("image_urls", "{type: array, items: {type: string}}", True, False, False),
        ("control_image", "{type: object, properties: {url: {type: string}}}", True, False, False),
        ("ip_adapters", OBJECTS, True, False, False),
        ("mask_url", URI, True, True, False),
        ("reference_mask_urls", IMAGES, True, True, False),
        ("mask", "{}", True, True, False),
        ("controlnets", MASKED, True, False, False),
        ("loras", LORAS, False, False, True),
        ("control_loras", CONTROL_LORAS, True, False, True),
        ("additional_lora_url", URI, False, False, True),
        ("control_lora_image_url", URI, True, False, False),
        ("lora_scale", "{type: number}", False, False, False),
        ("base_model_url", URI, False, False, False),
        ("config_url", URI, False, False, False),
        ("output_mask", "{type: boolean}", False, False, False),
        ("max_masks", "{type: integer}", False, False, False),
        ("max_images", "{}", False, False, False),
        ("mask_type", "{type: string, enum: [soft, hard]}", False, False, False),
        ("subject", "{type: string}", False, False, False),
    ],
)
def test_inputs_are_known_by_form_and_name(
    load_with: LoadWith, parameter: str, schema: str, *, images: bool, mask: bool, loras: bool
) -> None:
    found = load_with(entry(inputs=parameter, parameters=f"{parameter}: {schema}")).model("mine").capabilities

    assert (found.takes_images, found.takes_mask, found.takes_loras) == (images, mask, loras)


def test_inputs_of_any_json_are_known_by_name(load_with: LoadWith) -> None:
    found = load_with(entry(inputs="reference_images, style_lora")).model("mine").capabilities

    assert (found.takes_images, found.takes_mask, found.takes_loras) == (True, False, True)


@pytest.mark.parametrize(
    ("options", "parameters", "expected"),
    [
        ("num_images", "", SizeForm.NONE),
        ("image_size", "", SizeForm.PIXELS),
        ("width, height", "", SizeForm.PIXELS),
        ("aspect_ratio", "", SizeForm.RATIOS),
        ("aspect_ratio, image_size", "", SizeForm.PIXELS),
        ("resolution", "", SizeForm.NONE),
        ("image_size", "image_size: {type: string, enum: [auto, 1024x1536]}", SizeForm.PIXELS),
        ("image_size", "image_size: {type: string, enum: [square, square_hd]}", SizeForm.PIXELS),
        ("image_size", "image_size: {type: string, enum: ['1:1', '16:9']}", SizeForm.RATIOS),
        ("image_size", "image_size: {type: string, enum: [small, large]}", SizeForm.NONE),
        ("size", "size: {type: string, enum: [1024x1024]}", SizeForm.PIXELS),
        ("size", "size: {type: string}", SizeForm.NONE),
        ("ratio", "ratio: {type: string}", SizeForm.RATIOS),
        ("preserve_aspect_ratio", "preserve_aspect_ratio: {type: boolean}", SizeForm.NONE),
    ],
)
def test_sizes_are_told_in_one_of_three_ways(
    load_with: LoadWith, options: str, parameters: str, expected: SizeForm
) -> None:
    assert load_with(entry(options=options, parameters=parameters)).model("mine").capabilities.sizes is expected


@pytest.mark.parametrize(
    ("options", "parameters", "pricing", "expected"),
    [
        ("", "", "", 1),
        ("num_images", "", "", 4),
        ("num_images", "num_images: {maximum: 6}", "", 6),
        ("num_images", "num_images: {type: integer, exclusiveMaximum: 9}", "", 8),
        ("num_images", "num_images: {type: integer, enum: [1, 2]}", "", 2),
        ("num_images", "num_images: {type: integer}", "", None),
        ("num_images, count", "count: {type: integer, minimum: 1, maximum: 5}", "pricing: {maxImages: count}", 20),
        ("count", "count: {type: integer, minimum: 1, maximum: 5}", "pricing: {maxImages: count}", 5),
        ("num_images, count", "count: {type: integer}", "pricing: {maxImages: count}", None),
    ],
)
def test_most_images_of_a_request(
    load_with: LoadWith, options: str, parameters: str, pricing: str, expected: int | None
) -> None:
    model = load_with(entry(options=options, parameters=parameters, more=pricing)).model("mine")

    assert model.capabilities.max_images == expected


def test_tags_are_the_entrys_own(load_with: LoadWith) -> None:
    assert load_with(entry(more="tags: [fast, background-removal]")).model("mine").tags == (
        "fast",
        "background-removal",
    )


@pytest.mark.parametrize(
    ("tags", "key", "expected"),
    [
        ("[fast, fast]", "mine.tags.1", "expected each tag once, not 'fast' again"),
        ("[Very Fast]", "mine.tags.0", "expected a tag such as background-removal"),
        ("[" + "x" * 33 + "]", "mine.tags.0", "up to 32 characters"),
        ("fast", "mine.tags", "expected a valid tuple"),
    ],
)
def test_faulty_tags_stop_the_start(load_with: LoadWith, tags: str, key: str, expected: str) -> None:
    with pytest.raises(CatalogError) as stopped:
        load_with(entry(more=f"tags: {tags}"))

    (fault,) = stopped.value.faults
    assert (fault.key, expected in fault.expected) == (key, True), fault.expected
