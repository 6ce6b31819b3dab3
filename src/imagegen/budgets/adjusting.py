"""Adjustments of a budget, kept few however often it is adjusted. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import groupby
from typing import Final

from imagegen.budgets.budget import Adjustment, Budget

_MOST_SINGLE: Final = 100
_SUMMED: Final = "earlier adjustments"
_NEVER: Final = float("inf")


def adjusted(budget: Budget, new: Adjustment) -> Budget:
    """The budget with one more adjustment, as a new version of it.

    Those that are over are dropped. Of those before the newest hundred, the ones that end together become one, so the
    limits of this period and later ones stay the same; the ledger has each.
    """
    kept = [each for each in budget.adjustments if each.until is None or each.until > new.at]
    older, newest = kept[: 1 - _MOST_SINGLE], kept[1 - _MOST_SINGLE :]
    return replace(budget, adjustments=(*_summed(older), *newest, new), version=budget.version + 1)


def _summed(adjustments: Iterable[Adjustment]) -> Iterator[Adjustment]:
    for _, group in groupby(sorted(adjustments, key=_end), key=_end):
        together = sorted(group, key=lambda each: each.at)
        if len(together) == 1:
            yield together[0]
        else:
            total = sum((each.amount for each in together), Decimal(0))
            yield replace(together[-1], amount=total, reason=_SUMMED)


def _end(adjustment: Adjustment) -> float:
    return _NEVER if adjustment.until is None else adjustment.until.timestamp()
