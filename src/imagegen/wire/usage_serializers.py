"""Usage on the wire: as JSON, or as CSV for a spreadsheet."""

import csv
import io
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from imagegen.jobs.cost import CURRENCY
from imagegen.storage.usage.store import GroupedSums, Grouping, Sums, UsageFilter
from imagegen.wire import usage_schemas

# Characters that make a spreadsheet read a text cell as a formula (OWASP, CSV injection).
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_FIGURES: Final = ("jobs", "completed", "failed", "images", "charged", "providerCost", "margin", "unpricedJobs")


def serialize_usage(wanted: UsageFilter, by: Grouping, sums: GroupedSums) -> usage_schemas.Usage:
    """The sums and their total."""
    rows = [
        {name.member: key if name is by else None for name in Grouping} | _figures(row)
        for key, row in sums.groups.items()
    ]
    return usage_schemas.Usage.model_validate(
        {
            "user_id": wanted.user_id,
            "from": wanted.from_day,
            "to": wanted.to_day,
            "group_by": by.value,
            "currency": CURRENCY,
            "total": _figures(sums.total),
            "rows": rows,
            "omitted_rows": sums.omitted,
        }
    )


def usage_csv(usage: usage_schemas.Usage) -> str:
    """The rows as CSV (RFC 4180) with a header line; an unknown figure is an empty cell."""
    file = io.StringIO()
    table = csv.writer(file)
    columns = list(dict.fromkeys([Grouping(usage.group_by).member, "userId", *_FIGURES, "currency"]))
    table.writerow(columns)
    for row in usage.rows:
        members = row.model_dump(by_alias=True) | {"currency": usage.currency}
        members["userId"] = members["userId"] or usage.user_id
        table.writerow(_cells(members[name] for name in columns))
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
    """A number without an exponent; text that a spreadsheet would read as a formula is marked as text."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, str) and any(text.startswith(_FORMULA_STARTS) for text in (value, value.lstrip())):
        return f"'{value}"
    return "" if value is None else value
