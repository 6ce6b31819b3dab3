"""What a model can do is said in words, in rows that fit the terminal."""

from typing import Any

import pytest

from imagegen.cli.model_rows import model_facts, print_models

Json = dict[str, Any]
MODEL: Json = {
    "name": "mine",
    "costPerImage": 0.03,
    "category": "text-to-image",
    "description": "Mine",
    "minCostPerImage": 0.03,
    "maxCostPerImage": 0.03,
    "takesImages": False,
    "takesMask": False,
    "takesLoras": False,
    "sizes": "none",
    "maxImages": 1,
    "tags": [],
}


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, ""),
        ({"maxCostPerImage": 0.5}, "$0.03 to $0.50"),
        ({"maxCostPerImage": None}, "from $0.03"),
        ({"takesImages": True}, "takes images"),
        ({"takesImages": True, "takesMask": True, "takesLoras": True}, "takes images, a mask and LoRAs"),
        ({"sizes": "ratios", "maxImages": 4}, "sizes as ratios; up to 4 images"),
        ({"sizes": "of-a-later-version"}, ""),
        ({"maxImages": None, "tags": ["fast", "vector"]}, "any number of images; tags: fast, vector"),
    ],
)
def test_facts_are_said_in_words(members: Json, expected: str) -> None:
    assert model_facts({**MODEL, **members}) == expected


def test_model_of_an_earlier_service_has_no_facts() -> None:
    assert model_facts({name: MODEL[name] for name in ("name", "costPerImage", "category", "description")}) == ""


def test_notes_fit_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    tags = [f"a-rather-long-tag-number-{number}" for number in range(9)]
    print_models([{**MODEL, "maxCostPerImage": 1234.5678, "takesImages": True, "takesMask": True, "tags": tags}])

    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert "".join(lines).count("a-rather-long-tag-number-") == 9
