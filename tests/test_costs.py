"""fal's bill is known only if its units match its price; otherwise the reason is stated."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from dirty_equals import IsStr

from imagegen.jobs.cost import Cost, UnitPrice

COST = Cost(cost_per_image=Decimal("0.05"), num_images=2)
PRICE = UnitPrice(
    endpoint="fal-ai/flux/dev",
    price=Decimal("0.025"),
    unit="megapixels",
    currency="USD",
    read_at=datetime(2026, 1, 1, tzinfo=UTC),
)


@pytest.mark.parametrize("unit", ["image", "images", "Megapixels", "generations"])
def test_countable_units_become_money(unit: str) -> None:
    assert COST.billed(Decimal("1.5"), replace(PRICE, unit=unit)) == replace(
        COST,
        provider_units=Decimal("1.5"),
        provider_cost=Decimal("0.0375"),
        source="billed",
        provider_unit=unit,
        provider_unit_price=Decimal("0.025"),
    )


@pytest.mark.parametrize("unit", ["compute seconds", "units", "credits", "10 seconds", "1m tokens", "", None])
def test_other_units_leave_the_cost_unknown_with_a_reason(unit: str | None) -> None:
    assert COST.billed(Decimal(3), replace(PRICE, unit=unit)) == replace(
        COST,
        provider_units=Decimal(3),
        source="billed",
        provider_unit=unit,
        provider_unit_price=Decimal("0.025"),
        provider_note=IsStr(regex="fal.ai .*fal-ai/flux/dev.*"),
    )


@pytest.mark.parametrize(
    ("units", "price", "note"),
    [
        (None, PRICE, "did not say how many units"),
        (Decimal(1), None, "is not known"),
        (Decimal(1), replace(PRICE, currency="EUR"), "in EUR, not in USD"),
    ],
    ids=["no units", "no price", "another currency"],
)
def test_missing_units_or_price_are_named(units: Decimal | None, price: UnitPrice | None, note: str) -> None:
    cost = COST.billed(units, price)

    assert (cost.provider_cost, note in (cost.provider_note or "")) == (None, True)
