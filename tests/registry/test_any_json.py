"""A parameter without a description accepts any JSON that storage can keep."""

import json
import math
from collections.abc import Callable

import pytest

from imagegen.errors import InvalidInput
from imagegen.registry import Registry

LoadWith = Callable[[str], Registry]
ANY_JSON = """
open:
  falEndpoint: fal-ai/open
  category: text-to-image
  requiredInputs: [anything]
  costPerImage: 1
  description: A model with an unknown parameter
  parameters:
    anything: {example: 1}
"""


def nested(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (nested(33), "too_deep"),
        (nested(5_000), "too_deep"),
        ({"a": [2**63]}, "out_of_range"),
        (-(2**63) - 1, "out_of_range"),
        ([math.nan], "out_of_range"),
        (math.inf, "out_of_range"),
        ({"a\0b": 1}, "wrong_format"),
        ({"\ud800": 1}, "wrong_format"),
        (["\ud800"], "wrong_format"),
        ("", "too_short"),
        (" \u200b", "blank"),
    ],
    ids=range(11),
)
def test_values_that_storage_cannot_keep_are_refused(load_with: LoadWith, value: object, code: str) -> None:
    registry = load_with(ANY_JSON)

    with pytest.raises(InvalidInput) as refused:
        registry.parse({"model": "open", "inputs": {"anything": value}, "userId": "u"})  # pyright: ignore[reportArgumentType] - some are not JSON

    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == [("/inputs/anything", code)]


@pytest.mark.parametrize(
    "value", [nested(32), None, 0, -0.5, ["", " "], {"a.b": {"$c": [True, None, "\0"]}}, 2**63 - 1], ids=range(7)
)
def test_other_json_is_returned_unchanged(load_with: LoadWith, value: object) -> None:
    inputs = {"anything": value}

    request = load_with(ANY_JSON).parse({"model": "open", "inputs": inputs, "userId": "u"})  # pyright: ignore[reportArgumentType] - JSON

    assert json.dumps(request.inputs.model_dump(mode="json", exclude_unset=True)) == json.dumps(inputs)
