"""An estimate is the price that a job is charged when all its pictures arrive, and its factors multiply to it."""

from decimal import Decimal
from math import prod
from typing import Any

from hypothesis import HealthCheck, given, settings
from valid_requests import requests

from imagegen.registry import Registry
from imagegen.registry import given as as_given

Json = dict[str, Any]


@given(body=requests())
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_the_estimate_of_any_request_is_what_its_job_is_priced(registry: Registry, body: Json) -> None:
    request = registry.parse(body)
    model = registry.model(request.model)

    estimated = model.estimate(body["inputs"], body["options"])

    assert estimated == model.price(as_given(request.inputs), as_given(request.options))
    assert prod((factor.value for factor in estimated.factors), start=Decimal(1)) == estimated.total


def test_the_rules_that_apply_are_told(registry: Registry) -> None:
    price = registry.model("nano-banana-edit").estimate({}, {"resolution": "4K", "num_images": 4})

    assert price.explanation == (
        "The model costs $0.15 per image.",
        "resolution 4K costs 2 times as much.",
        "4 images.",
        "Together $1.20.",
    )


def test_the_route_that_decides_is_told(registry: Registry) -> None:
    inputs: Json = {"loras": [{"path": "https://example.com/me.safetensors", "scale": 0.8}]}

    assert registry.model("flux-dev").estimate(inputs, {}).explanation == (
        "With loras, the model costs $0.035 per image.",
        "1 image, if nothing else is asked for.",
        "Together $0.035.",
    )
