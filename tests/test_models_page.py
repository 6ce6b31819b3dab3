"""docs/models.md is what the built-in catalog says."""

import re
from typing import Final

import pytest

from imagegen.registry.entries import Entry
from imagegen.registry.loading import built_in_entries
from website import models_page

PAGE: Final = models_page.PAGE.read_text(encoding="utf-8")


def test_the_page_is_written_from_the_catalog() -> None:
    assert models_page.render() == PAGE, "run `make pages`"


def test_every_entry_has_a_row_in_its_table() -> None:
    built_in, unpriced = PAGE.split("## Set a price to enable")
    names = [re.findall(r"^\| `([^`]+)`", table, re.MULTILINE) for table in (built_in, unpriced)]

    priced = [each.name for each in built_in_entries() if each.entry.cost_per_image is not None]
    lacking = [each.name for each in built_in_entries() if each.entry.cost_per_image is None]
    assert names == [priced, lacking]
    assert f"These {len(priced)} models" in built_in
    assert f"these {len(lacking)} models" in unpriced


@pytest.mark.parametrize(
    ("name", "price"),
    [
        ("flux-pro", "$0.05 for each megapixel"),
        ("nano-banana-edit", "$0.15; `resolution` 4K: 2 times as much; with `enable_web_search` $0.015 more"),
        ("flux-2-pro", "$0.03 for the first megapixel, $0.015 for each further one"),
        ("recraft-v3", "by `style`: $0.08 (vector_illustration…), $0.04 (others)"),
        ("topaz-upscale", "$0.08 to $1.76: $0.08 for each begun 24,000,000 pixels"),
        ("grok-imagine-2", "by `quality` and `resolution`: low $0.04 (1k), $0.06 (2k); medium $0.06 (1k), $0.08 (2k)"),
    ],
)
def test_price_is_in_words(name: str, price: str) -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{name}`"))

    assert row.split(" | ")[3] == price


def test_price_of_a_request_is_in_words() -> None:
    entry = Entry.model_validate(
        {
            "falEndpoint": "fal-ai/mine",
            "category": "text-to-image",
            "costPerImage": "0.1",
            "description": "Mine",
            "pricing": {"unit": "request", "inputImages": {"inputs": ["image_urls"], "price": "0.01", "free": 2}},
        }
    )

    assert models_page.price_in_words(entry) == "$0.10 for a request; each input image after the first 2 $0.01 more"
