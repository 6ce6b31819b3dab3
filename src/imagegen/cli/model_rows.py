"""How models are printed, whether a service answers them or the catalog has them."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from imagegen.cli.output import dollars
from imagegen.cli.tables import Column, Row, print_table

_COLUMNS: Final = (Column("MODEL"), Column("PRICE", is_number=True), Column("CATEGORY"), Column("DESCRIPTION"))
_WIDTH: Final = 76  # of a note, which is indented
_SIZES: Final[Mapping[str, str]] = {"pixels": "sizes in pixels", "ratios": "sizes as ratios"}
_INPUTS: Final = (("takesImages", "images"), ("takesMask", "a mask"), ("takesLoras", "LoRAs"))


def print_models(models: Sequence[Mapping[str, Any]]) -> None:
    """A row for each model, as `GET /api/images/models` has it, and what it can do below."""
    print_table(_COLUMNS, [_row(model) for model in models])


def model_facts(model: Mapping[str, Any]) -> str:
    """What a model costs and can do, in words. A service of an earlier version says nothing of it."""
    return "; ".join(_facts(model))


def _row(model: Mapping[str, Any]) -> Row:
    notes = textwrap.wrap(model_facts(model), _WIDTH, break_long_words=False, break_on_hyphens=False)
    cells = (model["name"], dollars(model["costPerImage"]), model["category"], model["description"])
    return Row(cells, tuple(notes))


def _facts(model: Mapping[str, Any]) -> Iterator[str]:
    if "minCostPerImage" in model:
        least, most = model["minCostPerImage"], model["maxCostPerImage"]
        if most is None:
            yield f"from {dollars(least)}"
        elif least != most:
            yield f"{dollars(least)} to {dollars(most)}"
    if taken := [words for member, words in _INPUTS if model.get(member)]:
        yield f"takes {_listed(taken)}"
    if sizes := _SIZES.get(model.get("sizes", "")):
        yield sizes
    if (count := model.get("maxImages", 1)) != 1:
        yield "any number of images" if count is None else f"up to {count} images"
    if tags := model.get("tags"):
        yield f"tags: {', '.join(tags)}"


def _listed(words: Sequence[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last
