"""The total of a price from its factors, as the API describes it."""

from decimal import Decimal

from imagegen.registry import Price


def total_of_factors(price: Price) -> Decimal:
    """The product of all factors but the additions, and the additions."""
    product, sums = Decimal(1), Decimal(0)
    for factor in price.factors:
        if factor.kind.value == "addition":
            sums += factor.value
        else:
            product *= factor.value
    return product + sums
