"""An estimate is the charge of a job whose images are all delivered, and follows from its factors."""

from typing import Any

from imagegen.registry import Registry
from imagegen.registry import given as as_given
from tests.support.price_factors import total_of_factors
from tests.support.properties import HealthCheck, given, settings
from tests.support.valid_requests import requests

Json = dict[str, Any]


@given(body=requests())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_estimate_equals_the_price_of_the_job(registry: Registry, body: Json) -> None:
    request = registry.parse(body)
    model = registry.model(request.model)

    estimated = model.estimate(body["inputs"], body["options"])

    assert estimated == model.price(as_given(request.inputs), as_given(request.options))
    assert total_of_factors(estimated) == estimated.total


def test_applied_price_rules_are_explained(registry: Registry) -> None:
    price = registry.model("nano-banana-edit").estimate({}, {"resolution": "4K", "num_images": 4})

    assert price.explanation == (
        "The model costs $0.15 per image.",
        "resolution 4K costs 2 times as much.",
        "4 images.",
        "Total: $1.20.",
    )


def test_route_that_sets_the_price_is_explained(registry: Registry) -> None:
    inputs: Json = {"loras": [{"path": "https://example.com/me.safetensors", "scale": 0.8}]}

    assert registry.model("flux-dev").estimate(inputs, {}).explanation == (
        "With loras, the model costs $0.035 per image.",
        "1 image by default.",
        "Total: $0.035.",
    )
