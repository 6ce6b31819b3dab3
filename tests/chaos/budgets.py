"""Budgets after a run: what their counters say, compared with what the jobs themselves say. Pure.

It computes nothing as imagegen does: every job is looked at, and which budgets count it is found out anew.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Final

from tests.chaos.findings import Finding
from tests.chaos.records import BudgetRecord, Document, PeriodRecord, Records
from tests.chaos.told import Told

_ALERT: Final = "budget.alert"
_REFUSED: Final = "budget.refused"
_HOUR: Final = timedelta(hours=1)


@dataclass(slots=True)
class _Sums:
    used: Decimal = Decimal(0)
    reserved: Decimal = Decimal(0)


def drifted(records: Records, told: Told) -> Iterator[Finding]:
    """Counters that differ from the jobs, or did until they were corrected, and changes that nobody finished."""
    kinds = {budget.id: budget.counts for budget in records.budgets}
    due = defaultdict[str, _Sums](_Sums)
    for job in records.documents:
        yield from _counted_wrongly(job, records, told)
        for period in {held.period for held in job.reservations}:
            _add(job, period, kinds.get(period.partition("/")[0], ""), due[period])
    kept = {period.id: period for period in records.periods}
    for period in sorted({*kept, *due}):
        yield from _differing(period, kept.get(period), due[period])
    for each in records.rounds:
        yield Finding("budget drift", each, "is a change of its counters that was not finished")
    for line in records.corrections:
        yield Finding("budget drift", "a worker", f"had to correct counters: {line}")


def limited_wrongly(records: Records, raised: Mapping[str, Decimal]) -> Iterator[Finding]:
    """Periods whose limit is not the amount of their budget and what was added to it; `raised` has that by budget."""
    limits = {budget.id: budget.amount + raised.get(budget.id, Decimal(0)) for budget in records.budgets}
    for period in records.periods:
        if period.limit != limits[period.budget_id]:
            yield Finding("budget drift", period.id, f"has the limit {period.limit}, due {limits[period.budget_id]}")


def over_its_limit(budget: BudgetRecord, period: PeriodRecord, booked_again: Decimal) -> Iterator[Finding]:
    """A hard budget that gave away more than it has. Only a job that ran again after its end passes a limit."""
    over = period.used + period.reserved - period.limit
    if budget.hard and over > booked_again:
        text = f"used {period.used} and reserved {period.reserved} of {period.limit}; {booked_again} were booked again"
        yield Finding("budget drift", period.id, text)


def below_its_jobs(period: PeriodRecord, accepted: Decimal) -> Iterator[Finding]:
    """A period that shows less than what accepted jobs hold or cost, so others could spend it again."""
    if period.used + period.reserved < accepted:
        text = f"used {period.used} and reserved {period.reserved}, and its accepted jobs are {accepted}"
        yield Finding("budget drift", period.id, text)


def untold(records: Records) -> Iterator[Finding]:
    """Percentages that were reached and not told to the budget's webhook, or refusals that were told too often."""
    for budget in records.budgets:
        if budget.webhook_url is None:
            continue
        for period in (each for each in records.periods if each.budget_id == budget.id):
            told = [each for each in records.budget_receipts if each.is_about(budget.id, period.holder)]
            for each in told:
                if not each.is_signed:
                    yield Finding("undelivered", period.id, f"{each.event} was told with a wrong signature")
            heard = {each.percent for each in told if each.is_signed and each.event == _ALERT}
            for percent in budget.alerts:
                if period.has_reached(percent) and percent not in heard:
                    yield Finding("undelivered", period.id, f"the alert of {percent} % was never told to its webhook")
            yield from _refused_untold(period, {each.id: each.at for each in told if each.event == _REFUSED})


def _refused_untold(period: PeriodRecord, told: Mapping[str, datetime]) -> Iterator[Finding]:
    moments = sorted(told.values())
    if period.refused_at is not None and not moments:
        yield Finding("undelivered", period.id, "its refusals were never told to its webhook")
    if any(later - earlier < _HOUR for earlier, later in pairwise(moments)):
        yield Finding("undelivered", period.id, f"its refusals were told twice within an hour: {moments}")


def _counted_wrongly(job: Document, records: Records, told: Told) -> Iterator[Finding]:
    """A job that has no reservation, or several, or another's, in a budget that counts it."""
    wish = told.wishes.get(job.token)
    for budget in records.budgets:
        holder = _holder(budget, job, wish.caller if wish else None)
        windows = [held.period.split("/", 2) for held in job.reservations]
        found = {(window, whose) for budget_id, window, whose in windows if budget_id == budget.id}
        if (holder is None) != (not found) or len(found) > 1 or any(whose != holder for _, whose in found):
            yield Finding("budget drift", job.id, f"counts in {sorted(found)} of budget {budget.name}, due: {holder!r}")


def _holder(budget: BudgetRecord, job: Document, caller: str | None) -> str | None:
    if budget.scope.kind == "all":
        return ""
    if budget.scope.kind == "user":
        return job.user_id if budget.scope.value in {"*", job.user_id} else None
    return caller if caller == budget.scope.value else None


def _add(job: Document, period: str, counts: str, sums: _Sums) -> None:
    """An ended job counts once, however often it ran; an open one with what it holds."""
    if not job.is_final:
        latest = max((held for held in job.reservations if held.period == period), key=lambda held: held.number)
        sums.reserved += latest.amount
    elif counts == "provider":
        sums.used += job.cost.provider_cost or 0
    elif job.status == "completed":
        sums.used += job.cost.total_cost


def _differing(name: str, period: PeriodRecord | None, due: _Sums) -> Iterator[Finding]:
    used, reserved = (period.used, period.reserved) if period is not None else (Decimal(0), Decimal(0))
    if period is None:
        yield Finding("budget drift", name, "has jobs and no counters")
    if used != due.used:
        yield Finding("budget drift", name, f"used {used}, and its jobs {due.used}: {abs(used - due.used)}")
    if reserved != due.reserved:
        difference = abs(reserved - due.reserved)
        yield Finding("budget drift", name, f"reserved {reserved}, and its jobs {due.reserved}: {difference}")
