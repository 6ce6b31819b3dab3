"""docs/models.md, written from the built-in catalog: each model with its endpoint, price, inputs and source."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final

from pydantic import JsonValue

from imagegen.registry.catalog import ResolvedEntry
from imagegen.registry.entries import Entry
from imagegen.registry.loading import built_in_entries
from imagegen.registry.pricing_entries import AddOn, InputImages, Per, PriceTable, SizePrice, Unit

PAGE: Final = Path(__file__).parent.parent / "docs/models.md"
_HEAD: Final = """\
<!-- Written by `make pages` from src/imagegen/registry/catalog/. -->
# Models

These {offered} models are built in. `IMAGEGEN_MODELS` chooses which of them are offered, and
[an entry of your own](guides/adding-a-model.md) adds a model, or replaces one. `GET /api/images/models` has the same
list with every parameter, and `imagegen models show NAME` one of them.

Prices are in US dollars, for one image unless the table says otherwise. A megapixel is 1,048,576 pixels, rounded up
for each image. *At most* says what is reserved while the size of an image is not known: it is charged by the stored
image. [An estimate](guides/costs.md) says what one request costs. The day is that on which the price was read, and
leads to fal's page. fal may have changed the price since: `imagegen models check` compares.

"""
_UNPRICED: Final = """
## Set a price to enable

No source says for certain what these {unpriced} models cost, so they take no requests. Look at the price on the model's
page, and give it in a file that `IMAGEGEN_CATALOG` names, such as `birefnet: {{costPerImage: 0.01}}`. The rest of the
entry is built in; `pricing` may be given too ([how](guides/adding-a-model.md#prices)).

"""
_COLUMNS: Final = ("Model", "Endpoint", "Category", "Price", "Inputs", "Verified")
_OTHERS: Final[Mapping[str, str]] = {"default": "others"}
_MOST_LISTED: Final = 4
_MANY_PRICES: Final = 4


def render() -> str:
    """The whole page."""
    entries = built_in_entries()
    priced = [each for each in entries if each.entry.cost_per_image is not None]
    unpriced = [each for each in entries if each.entry.cost_per_image is None]
    columns = [column for column in _COLUMNS if column != "Price"]
    return "".join(
        (
            _HEAD.format(offered=len(priced)),
            *_table(_COLUMNS, [_cells(each) for each in priced]),
            _UNPRICED.format(unpriced=len(unpriced)),
            *_table(columns, [_cells(each) for each in unpriced]),
        )
    )


def _table(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> Iterator[str]:
    yield _row(columns)
    yield _row(["---"] * len(columns))
    for cells in rows:
        yield _row([cells[column] for column in columns])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _cells(resolved: ResolvedEntry) -> Mapping[str, str]:
    entry = resolved.entry
    also = f", also {', '.join(map(_code, entry.aliases))}" if entry.aliases else ""
    optional = f"; optional {', '.join(map(_code, entry.optional_inputs))}" if entry.optional_inputs else ""
    return {
        "Model": f"{_code(resolved.name)}{also}. {entry.description}",
        "Endpoint": _code(entry.fal_endpoint),
        "Category": entry.category,
        "Price": price_in_words(entry) if entry.cost_per_image is not None else "",
        "Inputs": f"{', '.join(map(_code, entry.required_inputs))}{optional}",
        "Verified": f"[{entry.verified_at}]({entry.source})",
    }


def price_in_words(entry: Entry) -> str:
    """The price of a priced entry, with the rules that change it."""
    return "; ".join(_price(entry))


def _price(entry: Entry) -> Iterator[str]:
    """The parts of the price, as phrases."""
    pricing = entry.pricing
    if pricing.table is not None:
        yield _of_table(pricing.table, pricing.unit)
    elif pricing.steps:
        yield _of_steps(pricing.steps)
    else:
        yield _of_unit(entry)
    if pricing.max_megapixels is not None:
        yield f"at most {pricing.max_megapixels} megapixels"
    for rule in entry.price_rules:
        yield f"{_code(rule.option)} {_text(rule.value)}: {_plain(rule.multiply)} times as much"
    for route in entry.routes:
        if route.cost_per_image is not None:
            yield f"with {_code(route.when)} {_dollars(route.cost_per_image)}"
    yield from map(_of_add_on, pricing.add_ons)
    if pricing.input_images is not None:
        yield _of_inputs(pricing.input_images)
    if pricing.max_images is not None:
        yield f"at most {_code(pricing.max_images)} images for each of {_code('num_images')}"


def _of_unit(entry: Entry) -> str:
    assert entry.cost_per_image is not None
    cost, further = _dollars(entry.cost_per_image), entry.pricing.further
    match entry.pricing.unit:
        case Unit.IMAGE:
            return cost
        case Unit.REQUEST:
            return f"{cost} for a request"
        case Unit.MEGAPIXEL if further is not None:
            return f"{cost} for the first megapixel, {_dollars(further)} for each further one"
        case Unit.MEGAPIXEL:
            return f"{cost} for each megapixel"


def _of_table(table: PriceTable, unit: Unit) -> str:
    """The prices by the values of the parameters, or their range if there are many."""
    per = " for each megapixel" if unit is Unit.MEGAPIXEL else ""
    by = f"by {' and '.join(map(_code, table.options))}{per}"
    if len(table.options) == 1:
        return f"{by}: {_grouped(table.prices)}"
    rows = (
        f"{_OTHERS.get(key, key)} {_grouped(row if isinstance(row, dict) else {'': row})}"
        for key, row in table.prices.items()
    )
    return f"{by}: {'; '.join(rows)}"


def _grouped(prices: Mapping[str, JsonValue]) -> str:
    """Each price once, with the values that have it; the range, if there are many."""
    groups: dict[Decimal, list[str]] = {}
    for key, price in prices.items():
        groups.setdefault(Decimal(str(price)), []).append(key)
    if len(groups) > _MANY_PRICES:
        return f"{_dollars(min(groups))} to {_dollars(max(groups))}"
    return ", ".join(f"{_dollars(price)}{_named(keys)}" for price, keys in groups.items())


def _named(keys: Sequence[str]) -> str:
    """Some values of a parameter, in brackets."""
    if any(key in _OTHERS for key in keys):
        return " (others)"
    if len(keys) <= _MOST_LISTED:
        return f" ({', '.join(keys)})" if any(keys) else ""
    same = min(keys)[: next((at for at, each in enumerate(zip(*keys, strict=False)) if len({*each}) > 1), None)]
    return f" ({same}…)" if same else f" ({len(keys)} values)"


def _of_steps(steps: Sequence[SizePrice]) -> str:
    first, last = steps[0], steps[-1]
    if len(steps) > _MANY_PRICES:
        return (
            f"{_dollars(first.price)} to {_dollars(last.price)}: {_dollars(first.price)} for each begun "
            f"{first.up_to:,} pixels"
        )
    parts = [f"{_dollars(step.price)} up to {step.up_to:,} pixels" for step in steps[:-1]]
    return ", ".join([*parts, f"{_dollars(last.price)} above"])


def _of_add_on(rule: AddOn) -> str:
    value = "" if rule.value in (None, True) else f" {_text(rule.value)}"
    per = "" if rule.per is Per.IMAGE else " for a request"
    return f"with {_code(rule.option)}{value} {_dollars(rule.add)} more{per}"


def _of_inputs(rule: InputImages) -> str:
    counted = f", counted as {rule.max_megapixels} megapixels" if rule.max_megapixels > 1 else ""
    cost = rule.price * rule.max_megapixels
    after = f" after the first {rule.free}" if rule.free > 1 else " after the first" if rule.free else ""
    per = " for each image made" if rule.per is Per.IMAGE else ""
    return f"each input image{after} {_dollars(cost)} more{per}{counted}"


def _dollars(value: Decimal) -> str:
    whole, _, decimals = _plain(value).partition(".")
    return f"${whole}.{decimals:0<2}"


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _text(value: JsonValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _code(text: str) -> str:
    return f"`{text}`"
