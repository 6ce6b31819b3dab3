"""fal's billable units, as stated by the header `X-Fal-Billable-Units`."""

from decimal import Decimal, InvalidOperation
from typing import Final

_MOST_UNITS: Final = Decimal(10**12)
_FINEST_UNIT: Final = Decimal("1e-12")
_MOST_DIGITS: Final = 34  # what MongoDB's Decimal128 holds


def billable_units(header: str | None) -> Decimal | None:
    """The units, in the endpoint's own unit; None if the header is missing or is not a number of units."""
    try:
        units = Decimal(header or "")
    except InvalidOperation:
        return None
    if not units.is_finite() or not 0 <= units < _MOST_UNITS:
        return None
    rounded = units.quantize(_FINEST_UNIT)
    return units if units == rounded and len(units.as_tuple().digits) <= _MOST_DIGITS else rounded
