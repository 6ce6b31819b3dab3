"""Every built-in model: fal takes its requests, its endpoint is live, and its estimates are as listed elsewhere."""

import json
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from imagegen.endpoint_index import endpoint_index
from imagegen.registry import Registry
from imagegen.registry.loading import built_in_entries
from imagegen.registry.price_table import listed_values, value_text
from imagegen.sandbox.endpoint_schemas import find_endpoint
from tests.support.imported import requests_of, sent

Json = dict[str, Any]
LoadWith = Callable[[str], Registry]
PRICES: Final = Path(__file__).with_name("built_in_prices.tsv")
UNLISTED: Final = frozenset({"fal-ai/face-swap"})  # works, but is not in fal's gallery


def rows() -> list[tuple[str, Json, Decimal, Decimal]]:
    lines = PRICES.read_text(encoding="utf-8").splitlines()
    cells = [line.split("\t") for line in lines if not line.startswith("#")]
    return [(model, json.loads(given), Decimal(total), Decimal(most)) for model, given, total, most in cells]


def test_at_least_forty_models_are_offered(registry: Registry) -> None:
    assert len(registry.models) >= 40
    assert registry.warnings == ()


def test_a_strict_fal_takes_the_requests_of_every_model(registry: Registry, load_with: LoadWith) -> None:
    priced = load_with("".join(f"{each.name}: {{costPerImage: 0.01}}\n" for each in registry.unpriced))
    assert (len(priced.models), priced.unpriced) == (len(registry.models) + len(registry.unpriced), ())

    refused: dict[str, list[Any]] = defaultdict(list)
    for model in priced.models.values():
        for body in requests_of(model):
            endpoint, payload = sent(priced, model, body)
            known = find_endpoint(endpoint)
            assert known is not None
            refused[model.name] += known.violations(payload)

    assert {name: found for name, found in refused.items() if found} == {}


def test_request_with_every_parameter_leaves_none_out(registry: Registry) -> None:
    for model in registry.models.values():
        body = requests_of(model)[2]

        missing = {*model.required_inputs, *model.optional_inputs, *model.options} - {*body["inputs"], *body["options"]}
        assert (model.name, missing - {"width", "height"}) == (model.name, set())


def test_estimates_are_those_of_the_lists_of_prices(registry: Registry) -> None:
    wrong: list[str] = []
    for name, given, total, most in rows():
        model = registry.models[name]
        sections = [{key: given[key] for key in given if (key in model.options) is where} for where in (False, True)]

        price = model.estimate(*sections)

        if (price.total, price.most) != (total, most):
            wrong.append(f"{name} {given}: {price.total} at most {price.most}, expected {total} at most {most}")
    assert wrong == []


def test_every_model_and_every_value_with_a_price_is_in_the_list(registry: Registry) -> None:
    tried: dict[tuple[str, str], set[str]] = defaultdict(set)
    for name, given, _, _ in rows():
        for key, value in given.items():
            tried[name, key].add(value_text(value))
    entries = {each.name: each for each in built_in_entries()}

    assert [*dict.fromkeys(name for name, *_ in rows())] == [*registry.models]
    for name in registry.models:
        entry, schemas = entries[name].entry, {**entries[name].inputs, **entries[name].options}
        pricing = entry.pricing
        tables = pricing.table.options if pricing.table else ()
        priced = [*tables, *(rule.option for rule in entry.price_rules)]
        for option in (each for each in priced if each != "image_size"):
            assert (name, {*listed_values(schemas[option])[0]} - tried[name, option]) == (name, set())
        for part in (*(each.option for each in pricing.add_ons), *filter(None, [pricing.max_images])):
            assert tried[name, part], (name, part)


def test_cost_per_image_is_the_estimate_of_one_image(registry: Registry) -> None:
    written = {each.name: each.entry.cost_per_image for each in built_in_entries()}

    for name, model in registry.models.items():
        assert (name, model.cost_per_image) == (name, written[name])
        assert (name, model.estimate({}, {}).total) == (name, written[name])


def test_endpoints_are_live() -> None:
    live = {*endpoint_index().ids, *UNLISTED}

    for each in built_in_entries():
        assert (each.name, {*each.entry.endpoints} - live) == (each.name, set())


def test_every_entry_says_when_and_where_it_was_checked() -> None:
    for each in built_in_entries():
        assert each.entry.verified_at is not None
        assert each.entry.source == f"https://fal.ai/models/{each.entry.fal_endpoint}"


def test_no_entry_uses_a_parameter_that_nobody_describes() -> None:
    """Names beyond the vocabulary are described in the entry: a user's entry may list them undescribed."""
    assert {each.name: each.unknown for each in built_in_entries() if each.unknown} == {}
    assert all("sync_mode" not in (*each.inputs, *each.options) for each in built_in_entries())
