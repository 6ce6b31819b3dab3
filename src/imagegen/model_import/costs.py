"""What an imported model costs: as the operator says, as fal's price list says, or as the index knows."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, cast

from imagegen.endpoint_index import IndexedPrice
from imagegen.errors import CannotImport

_COST: Final = re.compile(r"\$?(\d{1,6}(?:\.\d{1,9})?)(?:\s*/\s*(image|megapixel|request))?", re.IGNORECASE)
# fal's words for what a price is of. Others, such as compute seconds, do not tell what one image costs.
_UNITS: Final[Mapping[str, str]] = {
    "image": "image",
    "images": "image",
    "generation": "image",
    "generations": "image",
    "request": "request",
    "requests": "request",
    "megapixel": "megapixel",
    "megapixels": "megapixel",
}
HELP: Final = "--cost says what it costs, such as 0.03/image, 0.02/megapixel or 0.05/request."


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """A price in the form of an entry.

    Attributes:
        entry: `costPerImage`, and `pricing` if there are rules. Amounts are `Decimal`.
        origin: where it is from, as the end of a sentence.
        verified: the day on which that was read, in ISO 8601; None: today.
        is_whole: whether it has the rules that change it; otherwise it is only the base price.
    """

    entry: Mapping[str, Any]
    origin: str
    verified: str | None = None
    is_whole: bool = False


def given_cost(text: str) -> Cost:
    """The price of `--cost`.

    Raises:
        ValueError: it is none; says what was expected.
    """
    found = _COST.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"--cost {text[:50]!r}: expected an amount in US dollars such as 0.03/image or 0.02/megapixel")
    return Cost(
        entry=_entry(Decimal(found[1]), (found[2] or "image").lower()), origin="as given with --cost", is_whole=True
    )


def listed_cost(endpoint: str, amount: Decimal, unit: str | None, currency: str, known: IndexedPrice | None) -> Cost:
    """The price of fal's price list, with the rules of the index if these are for the same price.

    Raises:
        CannotImport: what one image costs does not follow from it.
    """
    kind = _UNITS.get((unit or "").strip().casefold())
    if currency.upper() != "USD" or kind is None or amount == 0:
        reason = (
            f"fal's price is {amount:f} {currency} for {unit or 'no unit'}, which does not tell what an image costs."
        )
        raise CannotImport(endpoint, "no_price", reason, HELP)
    entry = _entry(amount, kind)
    if known is not None:
        rules = indexed_cost(known).entry
        same_unit = rules.get("pricing", {}).get("unit", "image") == entry.get("pricing", {}).get("unit", "image")
        if rules["costPerImage"] == amount and same_unit:
            return Cost(entry=rules, origin=f"from fal's price list, its rules from {known.evidence}", is_whole=True)
    return Cost(entry=entry, origin="from fal's price list")


def indexed_cost(price: IndexedPrice) -> Cost:
    """The price of the index."""
    note = f". {price.note}" if price.note else ""
    return Cost(
        entry=_exact(price.entry),
        origin=f"from {price.evidence}, read on {price.verified_at}{note}".rstrip("."),
        verified=str(price.verified_at),
        is_whole=True,
    )


def _entry(amount: Decimal, unit: str) -> dict[str, Any]:
    return {"costPerImage": amount, **({} if unit == "image" else {"pricing": {"unit": unit}})}


def _exact(value: Any) -> Any:
    """Amounts as `Decimal`, by their shortest text."""
    match value:
        case float():
            return Decimal(repr(value))
        case Mapping():
            return {key: _exact(part) for key, part in cast("Mapping[str, Any]", value).items()}
        case list():
            return [_exact(part) for part in cast("list[Any]", value)]
        case _:
            return value
