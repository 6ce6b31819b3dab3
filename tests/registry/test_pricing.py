"""Prices by size, tables, sums and input images (docs/decisions/0041-catalog-language.md), as requests show them."""

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import pytest

from imagegen.errors import CatalogError
from imagegen.registry import Registry, load_registry
from imagegen.registry import given as as_given
from imagegen.registry.image_sizes import PRESETS
from tests.support.price_factors import total_of_factors
from tests.support.properties import HealthCheck, given, settings
from tests.support.valid_requests import requests

Json = dict[str, Any]
LoadWith = Callable[[str], Registry]
HEAD: Final = """
mine:
  falEndpoint: fal-ai/mine
  category: text-to-image
  requiredInputs: [prompt]
  optionalInputs: [image_urls, enable_web_search, loras]
  options: [num_images, image_size, width, height, quality, max_images]
  parameters:
    image_size: {default: square_hd}
    quality: {type: string, enum: [low, medium, high], default: medium, description: Quality.}
    max_images: {type: integer, minimum: 1, maximum: 6, default: 1, description: Most.}
  costPerImage: 0.03
  description: Mine
"""
PHOTO: Final = "https://example.com/photo.jpg"
FIRST_EXAMPLES: Final[tuple[tuple[str, Json, Json, str], ...]] = (
    ("flux-pro", {"prompt": "A professional headshot of a business consultant"}, {}, "0.05"),
    ("flux-pro", {}, {"num_images": 10}, "0.50"),
    ("flux-dev", {"prompt": "A lighthouse"}, {}, "0.025"),
    ("flux-dev", {"prompt": "A lighthouse"}, {"num_images": 2, "image_size": "landscape_16_9"}, "0.05"),
    ("flux-dev", {"prompt": "me", "loras": [{"path": PHOTO}]}, {"width": 1024, "height": 1024}, "0.035"),
    ("flux-lora", {"prompt": "me", "loras": [{"path": PHOTO}]}, {"width": 1024, "height": 1024}, "0.035"),
    ("flux-dev-image-to-image", {"prompt": "winter", "image_url": PHOTO}, {}, "0.03"),
    ("nano-banana-edit", {"prompt": "x", "image_urls": [PHOTO]}, {"aspect_ratio": "16:9", "resolution": "2K"}, "0.15"),
    ("nano-banana-edit", {"prompt": "x", "image_urls": [PHOTO]}, {"resolution": "4K", "num_images": 3}, "0.90"),
    ("face-swap", {"base_image_url": PHOTO, "swap_image_url": PHOTO}, {}, "0.001"),
)


@pytest.mark.parametrize(("model", "inputs", "options", "total"), FIRST_EXAMPLES)
def test_first_examples_keep_their_price(
    registry: Registry, model: str, inputs: Json, options: Json, total: str
) -> None:
    assert registry.model(model).estimate(inputs, options).total == Decimal(total)


@pytest.mark.parametrize(
    ("size", "count"),
    [
        ({"width": 3840, "height": 2160}, 8),
        ({"image_size": {"width": 3840.0, "height": 2160}}, 8),
        ({"width": 1024, "height": 1024}, 1),
        ({"width": 1024, "height": 1025}, 2),
        ({"width": 1, "height": 1}, 1),
        ({"width": 14142, "height": 14142}, 191),
        ({"image_size": "square_hd"}, 1),
        ({}, 1),
    ],
)
@pytest.mark.parametrize(("model", "price"), [("flux-pro", "0.05"), ("flux-dev", "0.025"), ("flux-lora", "0.035")])
def test_flux_costs_every_begun_megapixel(registry: Registry, model: str, price: str, size: Json, count: int) -> None:
    found = registry.model(model).estimate({}, {**size, "num_images": 2})

    assert (found.total, found.most, found.is_exact) == (2 * count * Decimal(price), found.total, True)


def test_larger_image_is_explained(registry: Registry) -> None:
    assert registry.model("flux-pro").estimate({}, {"width": 3840, "height": 2160}).explanation == (
        "The model costs $0.05 per image.",
        "image_size 3840x2160 is 8 megapixels, and costs 8 times as much.",
        "1 image by default.",
        "Total: $0.40.",
    )


def test_size_that_follows_an_input_is_bounded(registry: Registry) -> None:
    found = registry.model("flux-dev-image-to-image").estimate({"image_url": PHOTO}, {"num_images": 2})

    assert (found.total, found.most, found.is_exact) == (Decimal("0.06"), Decimal("0.24"), False)
    assert found.explanation[-2:] == (
        "The size of the image is known once it is made: it costs $0.12 if it has 4 megapixels or more.",
        "Total: $0.06, at most $0.24.",
    )


PRICING: Final[dict[str, tuple[str, Json, Json, str, str]]] = {
    "first and further": ("{unit: megapixel, further: 0.015}", {}, {"width": 2048, "height": 2048}, "0.075", "0.075"),
    "first alone": ("{unit: megapixel, further: 0.015}", {}, {"image_size": "square"}, "0.03", "0.03"),
    "free further": ("{unit: megapixel, further: 0}", {}, {"width": 4096, "height": 4096}, "0.03", "0.03"),
    "per request": ("{unit: request}", {}, {"num_images": 4}, "0.03", "0.03"),
    "steps": (
        "{steps: [{upTo: 1536x1536, price: 0.0675}, {upTo: 4, price: 0.135}]}",
        {},
        {"width": 1537, "height": 1536},
        "0.135",
        "0.135",
    ),
    "beyond the last step": ("{steps: [{upTo: 1, price: 0.5}]}", {}, {"width": 9000, "height": 9000}, "0.5", "0.5"),
    "table by one": (
        "{table: {options: [quality], prices: {low: 0.01, medium: 0.04, high: 0.2}}}",
        {},
        {},
        "0.04",
        "0.04",
    ),
    "table by two": (
        "{table: {options: [quality, image_size], prices: {low: {1024x1024: 0.006, default: 0.005}, default: 0.2}}}",
        {},
        {"quality": "low", "image_size": "square_hd", "num_images": 3},
        "0.018",
        "0.018",
    ),
    "table by width and height": (
        "{table: {options: [image_size], prices: {square_hd: 0.006, 1920x1080: 0.007, default: 0.009}}}",
        {},
        {"width": 1920, "height": 1080},
        "0.007",
        "0.007",
    ),
    "table by a preset's pixels": (
        "{table: {options: [image_size], prices: {square_hd: 0.006, default: 0.009}}}",
        {},
        {"image_size": {"width": 1024, "height": 1024}},
        "0.006",
        "0.006",
    ),
    "table of megapixels": (
        "{unit: megapixel, table: {options: [quality], prices: {high: 0.1, default: 0.01}}}",
        {},
        {"quality": "high", "width": 2048, "height": 1024},
        "0.2",
        "0.2",
    ),
    "an add-on for each image": (
        "{addOns: [{option: enable_web_search, value: true, add: 0.015}]}",
        {"enable_web_search": True},
        {"num_images": 2},
        "0.09",
        "0.09",
    ),
    "an add-on once": (
        "{addOns: [{option: loras, add: 0.5, per: request}]}",
        {"loras": [{"path": PHOTO}]},
        {"num_images": 2},
        "0.56",
        "0.56",
    ),
    "an unused add-on": ("{addOns: [{option: loras, add: 0.5}]}", {"loras": []}, {}, "0.03", "0.03"),
    "another value of an add-on": (
        "{addOns: [{option: enable_web_search, value: true, add: 0.015}]}",
        {"enable_web_search": False},
        {},
        "0.03",
        "0.03",
    ),
    "input images": (
        "{inputImages: {inputs: [image_urls], price: 0.0045, free: 1}}",
        {"image_urls": [PHOTO] * 3},
        {"num_images": 2},
        "0.069",
        "0.069",
    ),
    "one input image is free": (
        "{inputImages: {inputs: [image_urls], price: 0.0045, free: 1}}",
        {"image_urls": [PHOTO]},
        {},
        "0.03",
        "0.03",
    ),
    "megapixels of input images": (
        "{inputImages: {inputs: [image_urls], price: 0.01, unit: megapixel, maxMegapixels: 2, per: image}}",
        {"image_urls": [PHOTO] * 2},
        {"num_images": 2},
        "0.14",
        "0.14",
    ),
    "more images than requested": ("{maxImages: max_images}", {}, {"num_images": 2, "max_images": 3}, "0.06", "0.18"),
    "as many images as requested": ("{maxImages: max_images}", {}, {"num_images": 2}, "0.06", "0.06"),
}


@pytest.mark.parametrize("case", PRICING.values(), ids=PRICING)
def test_pricing(load_with: LoadWith, case: tuple[str, Json, Json, str, str]) -> None:
    pricing, inputs, options, total, most = case

    found = load_with(f"{HEAD}  pricing: {pricing}\n").model("mine").estimate(inputs, options)

    assert (found.total, found.most, total_of_factors(found)) == (Decimal(total), Decimal(most), found.total)


def test_sums_are_not_multiplied(load_with: LoadWith) -> None:
    text = f"{HEAD}  priceRules: [{{option: quality, value: high, multiply: 2}}]\n"
    model = load_with(f"{text}  pricing: {{addOns: [{{option: enable_web_search, value: true, add: 0.01}}]}}\n").model(
        "mine"
    )

    found = model.estimate({"enable_web_search": True}, {"quality": "high", "num_images": 2})

    assert (found.total, found.explanation) == (
        Decimal("0.14"),
        (
            "The model costs $0.03 per image.",
            "quality high costs 2 times as much.",
            "2 images.",
            "With enable_web_search true, $0.02 more.",
            "Total: $0.14.",
        ),
    )


def test_named_size_is_bounded_or_given_its_pixels(load_with: LoadWith) -> None:
    text = HEAD.replace("{default: square_hd}", "{type: string, enum: [auto, auto_2K, square_hd], default: auto}")
    model = load_with(f"{text}  pricing: {{unit: megapixel, maxMegapixels: 6, sizes: {{auto_2K: 2048x2048}}}}\n").model(
        "mine"
    )

    prices = {size: model.estimate({}, {"image_size": size}) for size in ("auto", "auto_2K", "square_hd")}

    assert {size: (price.total, price.most) for size, price in prices.items()} == {
        "auto": (Decimal("0.03"), Decimal("0.18")),
        "auto_2K": (Decimal("0.12"), Decimal("0.12")),
        "square_hd": (Decimal("0.03"), Decimal("0.03")),
    }
    assert model.estimate({}, {}).most == Decimal("0.18")


def test_price_of_one_image_is_that_of_the_defaults(load_with: LoadWith) -> None:
    registry = load_with(
        f"{HEAD}  pricing: {{table: {{options: [quality], prices: {{low: 0.01, medium: 0.04, high: 0.2}}}}}}\n"
    )

    assert registry.model("mine").cost_per_image == Decimal("0.04")


FAULTS: Final = {
    "negative further": ("{unit: megapixel, further: -1}", "further", "greater than or equal to 0"),
    "negative step": ("{steps: [{upTo: 1, price: -0.1}]}", "steps.0.price", "greater than or equal to 0"),
    "negative sum": ("{addOns: [{option: loras, add: -1}]}", "addOns.0.add", "greater than or equal to 0"),
    "negative cell": (
        "{table: {options: [quality], prices: {low: -1, default: 1}}}",
        "table.prices.low",
        "expected a price such as 0.05",
    ),
    "a cell in words": (
        "{table: {options: [quality], prices: {low: cheap, default: 1}}}",
        "table.prices.low",
        "expected a price such as 0.05",
    ),
    "negative free": ("{inputImages: {inputs: [image_urls], price: 1, free: -1}}", "inputImages.free", "0"),
    "no megapixels": ("{unit: megapixel, maxMegapixels: 0}", "maxMegapixels", "greater than or equal to 1"),
    "half a megapixel": ("{unit: megapixel, maxMegapixels: 0.5}", "maxMegapixels", "integer"),
    "an unknown unit": ("{unit: token}", "unit", "expected 'image', 'megapixel' or 'request'"),
    "an unknown key": ("{unit: image, add: 1}", "add", "did you mean 'addOns'?"),
    "an unknown key of a part": ("{addOns: [{option: loras, ad: 1}]}", "addOns.0.ad", "did you mean 'add'?"),
    "an unknown option of a sum": ("{addOns: [{option: lora, add: 1}]}", "addOns.0.option", "did you mean 'loras'?"),
    "a value that is none": (
        "{addOns: [{option: enable_web_search, value: often, add: 1}]}",
        "addOns.0.value",
        "must be true or false",
    ),
    "an unknown option of a table": (
        "{table: {options: [qality], prices: {low: 1}}}",
        "table.options.0",
        "did you mean 'quality'?",
    ),
    "three options": (
        "{table: {options: [quality, image_size, loras], prices: {low: 1}}}",
        "table.options",
        "at most 2 items",
    ),
    "an option twice": ("{table: {options: [quality, quality], prices: {low: 1}}}", "table.options", "two different"),
    "no prices": ("{table: {options: [quality], prices: {}}}", "table.prices", "at least 1 item"),
    "a hole": (
        "{table: {options: [quality], prices: {low: 1, high: 2}}}",
        "table.prices",
        "expected a price for quality medium, or 'default'",
    ),
    "a hole in a row": (
        "{table: {options: [image_size, quality], prices: {square: {low: 1}, default: 1}}}",
        "table.prices.square",
        "expected a price for quality medium",
    ),
    "an open end": (
        f"{{table: {{options: [image_size], prices: {{{', '.join(f'{preset}: 1' for preset in PRESETS)}}}}}}}",
        "table.prices",
        "expected 'default', because image_size takes other values too",
    ),
    "a value that no request has": (
        "{table: {options: [quality], prices: {lo: 1, default: 1}}}",
        "table.prices.lo",
        "did you mean 'low'?",
    ),
    "a row that should be a price": (
        "{table: {options: [quality], prices: {low: {square: 1}, default: 1}}}",
        "table.prices.low",
        "expected a price, because the table has one parameter",
    ),
    "a size in words": ("{steps: [{upTo: large, price: 1}]}", "steps.0.upTo", "expected pixels such as 1536x1536"),
    "steps downwards": (
        "{steps: [{upTo: 4, price: 1}, {upTo: 2, price: 2}]}",
        "steps.1.upTo",
        "expected a larger size",
    ),
    "steps of megapixels": (
        "{unit: megapixel, steps: [{upTo: 4, price: 1}]}",
        "steps",
        "expected only with unit: image",
    ),
    "further images": ("{further: 1}", "further", "expected only with unit: megapixel"),
    "most megapixels of images": ("{maxMegapixels: 1}", "maxMegapixels", "expected only with unit: megapixel"),
    "steps and a table": (
        "{steps: [{upTo: 4, price: 1}], table: {options: [quality], prices: {default: 1}}}",
        "steps",
        "expected steps or a table, not both",
    ),
    "unknown input images": ("{inputImages: {inputs: [images], price: 1}}", "inputImages.inputs.0", "lists"),
    "an unknown count": ("{maxImages: max_image}", "maxImages", "did you mean 'max_images'?"),
    "a count in words": ("{maxImages: quality}", "maxImages", "expected a parameter that is a whole number"),
    "a count of requests": (
        "{unit: request, maxImages: max_images}",
        "maxImages",
        "expected another unit than request",
    ),
    "an unknown size": ("{sizes: {square_xl: 2048x2048}}", "sizes.square_xl", "did you mean 'square'?"),
    "a size without pixels": ("{sizes: {square: big}}", "sizes.square", "expected pixels such as 2048x2048"),
    "a mapping that is none": ("3", "", "expected a mapping of keys to values"),
}


@pytest.mark.parametrize(("pricing", "key", "expected"), FAULTS.values(), ids=FAULTS)
def test_faulty_pricing_stops_the_start(load_with: LoadWith, pricing: str, key: str, expected: str) -> None:
    with pytest.raises(CatalogError) as stopped:
        load_with(f"{HEAD}  pricing: {pricing}\n")

    found = {fault.key: fault for fault in stopped.value.faults}
    where = "mine.pricing" + (f".{key}" if key else "")
    assert expected in found[where].expected, found
    assert {fault.line for fault in found.values()} == {14}


def test_unbounded_size_stops_the_start(load_with: LoadWith) -> None:
    for head in (
        HEAD.replace("image_size, width, height, ", "").replace("    image_size: {default: square_hd}\n", ""),
        HEAD.replace("    image_size: {default: square_hd}\n", ""),
        HEAD.replace("{default: square_hd}", "{type: string, enum: [square, auto], default: square}"),
        HEAD.replace("{default: square_hd}", "{type: string, default: square}"),
    ):
        with pytest.raises(CatalogError, match="expected maxMegapixels too") as stopped:
            load_with(f"{head}  pricing: {{unit: megapixel}}\n")
        assert [fault.key for fault in stopped.value.faults] == ["mine.pricing.unit"]
        assert load_with(f"{head}  pricing: {{unit: megapixel, maxMegapixels: 2}}\n").model("mine")


@given(body=requests())
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_most_is_never_below_the_total(registry: Registry, body: Json) -> None:
    request = registry.parse(body)
    price = registry.model(request.model).price(as_given(request.inputs), as_given(request.options))

    assert price.most >= price.total == total_of_factors(price)
    assert price.is_exact or price.by_size is not None or price.max_images != price.num_images


@pytest.mark.timed
def test_price_takes_little_time(registry: Registry) -> None:
    model = registry.model("flux-dev")
    options: Json = {"width": 3840, "height": 2160, "num_images": 4}
    before = time.process_time()
    for _ in range(1000):
        model.price({"prompt": "x"}, options)

    assert time.process_time() - before < 0.2


def test_built_in_models_all_have_a_price_of_one_image() -> None:
    assert all(model.cost_per_image > 0 for model in load_registry().models.values())
