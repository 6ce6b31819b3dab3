"""Usage on the wire: as JSON, or as a table for a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from imagegen.api import schemas
from imagegen.costs import CURRENCY
from imagegen.storage.usage import Grouping, Sums, UsageFilter

# What makes a spreadsheet take a cell of text for a formula (OWASP, CSV injection).
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_FIGURES: Final = ("jobs", "completed", "failed", "images", "charged", "providerCost", "margin", "unpricedJobs")


def usage_answer(wanted: UsageFilter, by: Grouping, sums: Mapping[str, Sums]) -> schemas.Usage:
    """The sums and their total."""
    rows = [{name.value: key if name is by else None for name in Grouping} | _figures(row) for key, row in sums.items()]
    return schemas.Usage.model_validate(
        {
            "user_id": wanted.user_id,
            "from": wanted.from_day,
            "to": wanted.to_day,
            "group_by": by.value,
            "currency": CURRENCY,
            "total": _figures(sum(sums.values(), start=Sums())),
            "rows": rows,
        }
    )


def usage_table(answer: schemas.Usage) -> str:
    """The rows as CSV (RFC 4180) under their names; a figure that is not known is an empty cell."""
    file = io.StringIO()
    table = csv.writer(file)
    table.writerow([answer.group_by, "userId", *_FIGURES, "currency"])
    for row in answer.rows:
        members = row.model_dump(by_alias=True)
        cells = [members[answer.group_by], answer.user_id, *(members[name] for name in _FIGURES), answer.currency]
        table.writerow(_cells(cells))
    return file.getvalue()


def _figures(sums: Sums) -> dict[str, object]:
    return {
        "jobs": sums.jobs,
        "completed": sums.completed,
        "failed": sums.failed,
        "images": sums.images,
        "charged": sums.charged,
        "provider_cost": None if sums.unpriced_jobs else sums.provider_cost,
        "known_provider_cost": sums.provider_cost,
        "margin": sums.margin,
        "unpriced_jobs": sums.unpriced_jobs,
    }


def _cells(values: Iterable[object]) -> list[object]:
    return [_cell(value) for value in values]


def _cell(value: object) -> object:
    """A figure as it is, without an exponent; text that a spreadsheet would calculate is marked as text."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, str) and any(text.startswith(_FORMULA_STARTS) for text in (value, value.lstrip())):
        return f"'{value}"
    return "" if value is None else value
