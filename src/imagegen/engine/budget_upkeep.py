"""The upkeep of budgets: their counters are compared with the jobs, and their receivers are told what happened."""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Final

from imagegen.budgets import Budget
from imagegen.clock import now
from imagegen.services import Services
from imagegen.storage.budgets.counters import ChangedPeriod
from imagegen.webhooks import BudgetNotice
from imagegen.wire.budget_event_schemas import BudgetEvent, BudgetEventData

_AUDIT_EVERY: Final = timedelta(minutes=3)
_REFUSALS_TOLD_EVERY: Final = timedelta(hours=1)
_TOLD_OF_LAST: Final = timedelta(days=1)
_HUNDRED: Final = Decimal(100)


async def audit_budgets(services: Services) -> int:
    """Correct the counters that differ from the jobs, and count them; returns how many there were."""
    drifts = await services.budget_reconciliation.audit_if_due(_AUDIT_EVERY)
    for _ in drifts:
        services.metrics.budget_drifted()
    return len(drifts)


async def tell_budgets(services: Services) -> int:
    """Record a webhook for each percentage of a budget that was reached, and for refusals at most hourly.

    A percentage is told once in a period. The delivery is recorded before that is noted, under an id that names both,
    so a crash in between neither loses nor repeats it.
    """
    budgets = {each.id: each for each in services.budget_directory.current() if each.webhook_url is not None}
    if not budgets:
        return 0
    moment, told = now(), 0
    for changed in await services.budget_counters.changed_since(moment - _TOLD_OF_LAST, budgets):
        budget = budgets.get(changed.budget_id)
        if budget is None or changed.window != budget.window(moment).id:
            continue
        for percent in _reached(budget, changed):
            await services.webhook_deliveries.record_event(_notice(budget, changed, percent))
            await services.budget_counters.told_of_use(changed.id, percent)
            told += 1
        if _has_untold_refusal(changed):
            await services.webhook_deliveries.record_event(_notice(budget, changed, None))
            assert changed.refused_at is not None
            await services.budget_counters.told_of_refusal(changed.id, changed.refused_at)
            told += 1
    return told


def _reached(budget: Budget, changed: ChangedPeriod) -> Iterator[int]:
    """The percentages that were reached and not told yet."""
    counted = changed.counted
    for percent in budget.alerts:
        is_reached = (counted.used + counted.reserved) * _HUNDRED >= counted.limit * percent
        if is_reached and percent not in counted.alerted:
            yield percent


def _has_untold_refusal(changed: ChangedPeriod) -> bool:
    if changed.refused_at is None:
        return False
    told = changed.refusal_told_at
    return told is None or changed.refused_at - told >= _REFUSALS_TOLD_EVERY


def _notice(budget: Budget, changed: ChangedPeriod, percent: int | None) -> BudgetNotice:
    """The alert of a percentage, or the refusal if there is none."""
    assert budget.webhook_url is not None
    at = changed.changed_at if percent is not None or changed.refused_at is None else changed.refused_at
    period = hashlib.sha256(changed.id.encode(errors="surrogatepass")).hexdigest()[:16]
    event = BudgetEvent(
        type="budget.refused" if percent is None else "budget.alert",
        timestamp=at,
        data=BudgetEventData(
            budget_id=budget.id,
            name=budget.name,
            holder=changed.holder,
            percent=percent,
            limit=changed.counted.limit,
            used=changed.counted.used,
            reserved=changed.counted.reserved,
            resets_at=budget.window(at).ends_at,
        ),
    )
    return BudgetNotice(
        id=f"msg_{budget.id}_{period}_{percent or f'refused_{at.timestamp():.0f}'}",
        type=event.type,
        at=at,
        url=budget.webhook_url,
        payload=event.model_dump_json(),
    )
