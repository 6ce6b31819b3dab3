"""The schema of fal's endpoint accepts every mapped request that a model's class accepts."""

from typing import Any

from imagegen.registry import Registry
from imagegen.sandbox.endpoint_schemas import find_endpoint
from tests.support.properties import HealthCheck, example, given, settings
from tests.support.valid_requests import requests

Json = dict[str, Any]


EDGES: Json = {
    "model": "flux-dev",
    "inputs": {"prompt": "x" * 50_000, "loras": [], "seed": 2**63 - 1, "guidance_scale": 1},
    "options": {"width": 1, "height": 14142, "num_images": 4, "acceleration": "high"},
    "userId": "u",
}


@given(body=requests())
@example(body=EDGES)
@example(body={**EDGES, "options": {"image_size": {"width": 1024.0, "height": 1}}})
@settings(max_examples=400, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_fal_accepts_every_mapped_request(registry: Registry, body: Json) -> None:
    request = registry.parse(body)
    inputs = request.inputs.model_dump(mode="json", exclude_unset=True)
    options = request.options.model_dump(mode="json", exclude_unset=True)

    asked = registry.model(request.model).fal_request(inputs, options)

    assert (inputs, options) == (body["inputs"], body["options"])
    known = find_endpoint(asked.endpoint)
    assert known is not None
    assert (asked.endpoint, known.violations(dict(asked.payload))) == (asked.endpoint, [])
