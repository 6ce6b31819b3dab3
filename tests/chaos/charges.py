"""What users are charged: the images of each completed job, nothing for any other job, and the sums of each user."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from tests.chaos.findings import Finding
from tests.chaos.records import Document, Records, UsageRow
from tests.chaos.told import Told


def charged_wrongly(records: Records, told: Told) -> Iterator[Finding]:
    """Charges without images, images without a charge, charges for what fal never generated."""
    paid = {each.request_id: each for each in records.paid}
    for job in records.documents:
        images = len(job.images)
        due = job.cost.cost_per_image * images if job.status == "completed" else 0
        if job.is_final and job.cost.total_cost != due:
            yield Finding("charged wrongly", job.id, f"{job.why}, {images} images: {job.cost.total_cost}")
        if job.status != "completed":
            continue
        request = job.submission.request
        if request is None or request.request_id not in paid:
            yield Finding("charged wrongly", job.id, "is completed, and fal knows of no such request")
        elif images != paid[request.request_id].images or images != told.wishes[job.token].images:
            yield Finding("charged wrongly", job.id, f"has {images} images, not as many as were asked for")


@dataclass(slots=True)
class _Sums:
    jobs: int = 0
    completed: int = 0
    failed: int = 0
    images: int = 0
    charged: Decimal = Decimal(0)


def summed_up_wrongly(records: Records) -> Iterator[Finding]:
    """Users whose usage by day or by month is not the sum of their ended jobs."""
    due = defaultdict[str, _Sums](_Sums)
    uncounted = [
        job for job in records.documents if job.is_final and "uncounted" in job.raw and "counted" not in job.raw
    ]
    for job in records.documents:
        if job.is_final:
            _add(job, due[job.user_id])
    kept = {
        "days": _by_user(row for row in records.usage if row.day is not None),
        "months": _by_user(row for row in records.usage if row.month is not None),
    }
    for periods, sums in kept.items():
        for job in uncounted:  # a read of the usage counts it first
            _add(job, sums[job.user_id])
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
