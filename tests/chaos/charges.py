"""What callers are charged: for each completed job its pictures, for every other nothing, and their sum by the user."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from findings import Finding
from records import Document, Records, UsageRow
from told import Told


def charged_wrongly(records: Records, told: Told) -> Iterator[Finding]:
    """Charges without the pictures, pictures without the charge, charges for what fal never made."""
    paid = {each.request_id: each for each in records.paid}
    for job in records.documents:
        pictures = len(job.images)
        due = job.cost.cost_per_image * pictures if job.status == "completed" else 0
        if job.is_final and job.cost.total_cost != due:
            yield Finding("charged wrongly", job.id, f"{job.why}, {pictures} pictures: {job.cost.total_cost}")
        if job.status != "completed":
            continue
        request = job.submission.request
        if request is None or request.request_id not in paid:
            yield Finding("charged wrongly", job.id, "is completed, and fal knows of no such request")
        elif pictures != paid[request.request_id].pictures or pictures != told.wishes[job.token].pictures:
            yield Finding("charged wrongly", job.id, f"has {pictures} pictures, not as many as were asked for")


@dataclass(slots=True)
class _Sums:
    jobs: int = 0
    completed: int = 0
    failed: int = 0
    images: int = 0
    charged: Decimal = Decimal(0)


def summed_up_wrongly(records: Records) -> Iterator[Finding]:
    """Users whose usage, be it by days or by months, is not what their ended jobs come to."""
    due = defaultdict[str, _Sums](_Sums)
    for job in records.documents:
        if job.is_final:
            _add(job, due[job.user_id])
    kept = {
        "days": _by_user(row for row in records.usage if row.day is not None),
        "months": _by_user(row for row in records.usage if row.month is not None),
    }
    for periods, sums in kept.items():
        for user in sorted({*sums, *due}):
            if sums[user] != due[user]:
                yield Finding(
                    "charged wrongly", user, f"its usage by {periods} says {sums[user]}, its jobs {due[user]}"
                )


def _by_user(rows: Iterable[UsageRow]) -> defaultdict[str, _Sums]:
    found = defaultdict[str, _Sums](_Sums)
    for row in rows:
        sums = found[row.user_id]
        sums.jobs += row.jobs
        sums.completed += row.completed
        sums.failed += row.failed
        sums.images += row.images
        sums.charged += row.charged
    return found


def _add(job: Document, sums: _Sums) -> None:
    completed = job.status == "completed"
    sums.jobs += 1
    sums.completed += completed
    sums.failed += job.status == "failed"
    sums.images += len(job.images) if completed else 0
    sums.charged += job.cost.total_cost if completed else 0
