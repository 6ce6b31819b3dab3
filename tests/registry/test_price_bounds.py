"""The cheapest and the dearest image: no valid request for one image costs less or more, and one costs each."""

import itertools
import json
import tempfile
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from imagegen.registry import Model, Registry
from imagegen.registry.annotations import Annotator
from imagegen.registry.assembly import assemble
from imagegen.registry.catalog import read_catalog
from imagegen.registry.fault_collector import FaultCollector
from imagegen.registry.loading import built_in_vocabulary
from tests.support.properties import HealthCheck, given, settings, st
from tests.support.valid_requests import requests

Json = dict[str, Any]
LoadWith = Callable[[str], Registry]
ENTRY: Final = """
mine:
  falEndpoint: fal-ai/mine
  category: text-to-image
  requiredInputs: [prompt]
  optionalInputs: [image_urls, loras, enable_web_search]
  options: [num_images, image_size, resolution, width, height]
  costPerImage: 0.03
  description: Mine
"""


def of_one_image(model: Model, values: Json) -> tuple[Decimal, Decimal]:
    """The least and the most that a request for one image with these values costs."""
    price = model.price({}, {name: value for name, value in values.items() if name != "num_images"})
    sizes = (price.by_size.least, price.by_size.most) if price.by_size else (price.cost_per_image,) * 2
    return price.request_cost + sizes[0], price.request_cost + sizes[1]


@given(body=requests())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_valid_request_costs_less_or_more(registry: Registry, body: Json) -> None:
    model = registry.model(body["model"])
    bounds = model.price_bounds
    least, most = of_one_image(model, {**body["inputs"], **body["options"]})

    assert bounds.least <= least
    assert most <= (bounds.most or Decimal("Infinity"))


@pytest.mark.parametrize(
    ("more", "least", "most"),
    [
        ("", "0.03", "0.03"),
        ("  pricing: {unit: request}", "0.03", "0.03"),
        ("  pricing: {unit: megapixel, maxMegapixels: 4}", "0.03", "5.73"),
        ("  pricing: {unit: megapixel, further: 0.01, maxMegapixels: 4}", "0.03", "1.93"),
        ("  priceRules: [{option: resolution, value: 4K, multiply: 2}]", "0.03", "0.06"),
        ("  priceRules: [{option: resolution, value: 0.5K, multiply: 0.5}]", "0.015", "0.03"),
        ("  priceRules: [{option: width, value: 2048, multiply: 3}]", "0.03", "0.09"),
        ("  pricing: {addOns: [{option: loras, add: 0.01}]}", "0.03", "0.04"),
        ("  pricing: {addOns: [{option: enable_web_search, value: true, add: 0.01, per: request}]}", "0.03", "0.04"),
        ("  pricing: {inputImages: {inputs: [image_urls], price: 0.01, free: 1}}", "0.03", "0.16"),
        (
            "  pricing: {inputImages: {inputs: [image_urls], price: 0.01, unit: megapixel, maxMegapixels: 2}}",
            "0.03",
            "0.31",
        ),
        ("  routes: [{when: loras, falEndpoint: fal-ai/mine/lora, costPerImage: 0.05}]", "0.03", "0.05"),
        ("  routes: [{when: loras, falEndpoint: fal-ai/mine/lora, costPerImage: 0.01}]", "0.01", "0.03"),
        (
            (
                "  routes: [{when: loras, falEndpoint: a/b,costPerImage: 0.05, parameters: {resolution: {enum: [2K]}}}]"
                "\n  priceRules: [{option: resolution, value: 4K, multiply: 2}]"
            ),
            "0.03",
            "0.06",
        ),
        (
            "  pricing: {steps: [{upTo: 1536x1536, price: 0.0675}, {upTo: 24, price: 0.135}]}",
            "0.0675",
            "0.135",
        ),
        (
            "  pricing: {table: {options: [image_size], prices: {1536x1024: 0.2, square: 0.004, default: 0.1}}}",
            "0.004",
            "0.2",
        ),
        (
            (
                "  pricing: {table: {options: [resolution, image_size], prices: "
                "{4K: {square_hd: 0.3, default: 0.4}, default: {square_hd: 0.1, default: 0.2}}}}"
            ),
            "0.1",
            "0.4",
        ),
        ("  pricing: {maxImages: num_images}", "0.03", "0.03"),
        (
            "  defaultOptions: {resolution: 4K}\n  priceRules: [{option: resolution, value: 4K, multiply: 2}]",
            "0.03",
            "0.06",
        ),
        (
            (
                "  parameters: {resolution: {enum: [4K]}}\n  defaultOptions: {resolution: 4K}\n"
                "  priceRules: [{option: resolution, value: 4K, multiply: 2}]"
            ),
            "0.06",
            "0.06",
        ),
    ],
)
def test_bounds_follow_each_kind_of_price(load_with: LoadWith, more: str, least: str, most: str) -> None:
    bounds = load_with(f"{ENTRY.strip()}\n{more}\n").model("mine").price_bounds

    assert (bounds.least, bounds.most) == (Decimal(least), Decimal(most))


def test_required_input_images_are_in_the_cheapest_request(load_with: LoadWith) -> None:
    text = ENTRY.replace("[prompt]", "[prompt, image_urls]").replace("[image_urls, ", "[")
    pricing = "  pricing: {inputImages: {inputs: [image_urls], price: 0.01}}"
    bounds = load_with(f"{text}{pricing}\n").model("mine").price_bounds

    assert (bounds.least, bounds.most) == (Decimal("0.04"), Decimal("0.17"))


@pytest.mark.parametrize(
    "more",
    [
        (
            "  parameters: {image_urls: {type: array, items: {$ref: '#/definitions/ImageUrl'}}}\n"
            "  pricing: {inputImages: {inputs: [image_urls], price: 0.01}}"
        ),
        "  parameters: {width: {type: integer}}\n  pricing: {unit: megapixel, maxMegapixels: 4}",
    ],
)
def test_price_without_a_bound_has_no_most(load_with: LoadWith, more: str) -> None:
    bounds = load_with(f"{ENTRY.strip()}\n{more}\n").model("mine").price_bounds

    assert (bounds.least, bounds.most) == (Decimal("0.03"), None)


# Entries that nobody listed: every value of every parameter is tried.
VALUES: Final[dict[str, list[Any]]] = {
    "style": ["photo", "vector", "drawing"],
    "quality": ["low", "high"],
    "turbo": [True, False],
    "level": [1, 2, 3],
    "image_size": ["square_hd", "landscape_4_3", "2048x2048"],
}
PARAMETERS: Final[Json] = {
    "style": {"type": "string", "enum": VALUES["style"], "description": "x"},
    "quality": {"type": "string", "enum": VALUES["quality"], "description": "x"},
    "turbo": {"type": "boolean", "description": "x"},
    "level": {"type": "integer", "minimum": 1, "maximum": 3, "description": "x"},
    "image_size": {"type": "string", "enum": VALUES["image_size"], "description": "x"},
}
NAMES: Final = [*VALUES]
MONEY: Final = st.integers(0, 20).map(lambda cents: cents / 100)
FACTOR: Final = st.sampled_from([0, 0.5, 1, 2, 3.5])


@st.composite
def rules(draw: st.DrawFn) -> list[Json]:
    names = draw(st.lists(st.sampled_from(NAMES), max_size=4))
    return [{"option": name, "value": draw(st.sampled_from(VALUES[name])), "multiply": draw(FACTOR)} for name in names]


@st.composite
def add_ons(draw: st.DrawFn) -> list[Json]:
    made: list[Json] = []
    for name in draw(st.lists(st.sampled_from(NAMES), max_size=3)):
        add_on: Json = {"option": name, "add": draw(MONEY), "per": draw(st.sampled_from(["image", "request"]))}
        value: Json = {"value": draw(st.sampled_from(VALUES[name]))} if draw(st.booleans()) else {}
        made.append({**add_on, **value})
    return made


@st.composite
def tables(draw: st.DrawFn) -> Json:
    first, second = draw(st.permutations([name for name in NAMES if name != "turbo"]))[:2]

    def keys(name: str) -> list[str]:
        return [*map(str, draw(st.lists(st.sampled_from(VALUES[name]), unique=True, max_size=3))), "default"]

    if draw(st.booleans()):
        return {"options": [first], "prices": {key: draw(MONEY) for key in keys(first)}}
    prices = {key: {cell: draw(MONEY) for cell in keys(second)} for key in keys(first)}
    return {"options": [first, second], "prices": prices}


@st.composite
def pricings(draw: st.DrawFn) -> Json:
    pricing: Json = {"unit": draw(st.sampled_from(["image", "megapixel", "request"])), "addOns": draw(add_ons())}
    if draw(st.booleans()):
        pricing["table"] = draw(tables())
    elif pricing["unit"] == "image" and draw(st.booleans()):
        pricing["steps"] = [{"upTo": 1, "price": draw(MONEY)}, {"upTo": 2, "price": draw(MONEY)}]
    if pricing["unit"] == "megapixel":
        pricing |= {
            "maxMegapixels": draw(st.integers(1, 9)),
            **({"further": draw(MONEY)} if draw(st.booleans()) else {}),
        }
    return pricing


@st.composite
def entries(draw: st.DrawFn) -> Json:
    whens = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=2))
    nothing: Json = {}
    price = st.just(nothing) | MONEY.map(lambda cost: {"costPerImage": cost})
    entry: Json = {
        "falEndpoint": "fal-ai/mine",
        "category": "text-to-image",
        "description": "Mine",
        "requiredInputs": draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=2)),
        "costPerImage": draw(MONEY),
        "parameters": PARAMETERS,
        "priceRules": draw(rules()),
        "pricing": draw(pricings()),
        "routes": [{"when": name, "falEndpoint": f"fal-ai/{name}", **draw(price)} for name in whens],
    }
    rest = [name for name in NAMES if name not in entry["requiredInputs"]]
    given_by_default = draw(st.lists(st.sampled_from(rest), unique=True, max_size=1)) if rest else []
    return {
        **entry,
        "options": ["num_images", *rest],
        "defaultOptions": {name: draw(st.sampled_from(VALUES[name])) for name in given_by_default},
    }


def model_of(entry: Json) -> Model:
    vocabulary, faults = built_in_vocabulary(), FaultCollector()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "mine.yaml"
        file.write_text(json.dumps({"mine": entry}), encoding="utf-8")
        (resolved,) = read_catalog(file, vocabulary, faults)
    return assemble(resolved, Annotator(vocabulary.definitions))


def every_request(entry: Json) -> Iterator[Json]:
    choices = [
        [{name: value} for value in VALUES[name]] + ([] if name in entry["requiredInputs"] else [{}]) for name in NAMES
    ]
    for combination in itertools.product(*choices):
        yield {name: value for choice in combination for name, value in choice.items()}


@given(entry=entries())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_bounds_are_those_of_every_request(entry: Json) -> None:
    model = model_of(entry)
    prices = [of_one_image(model, values) for values in every_request(entry)]

    bounds = model.price_bounds

    assert (bounds.least, bounds.most) == (min(least for least, _ in prices), max(most for _, most in prices))
