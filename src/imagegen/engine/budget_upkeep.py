"""The upkeep of budgets: their counters are compared with the jobs, and their receivers are told what happened."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from imagegen.budgets import Budget
from imagegen.clock import now, uptime
from imagegen.services import Services
from imagegen.storage.budgets.counters import ChangedPeriod
from imagegen.webhooks import BudgetNotice
from imagegen.wire.budget_event_schemas import BudgetEvent, BudgetEventData

_AUDIT_EVERY: Final = timedelta(minutes=3)
_REFUSALS_TOLD_EVERY: Final = timedelta(hours=1)
_TOLD_OF_LAST: Final = timedelta(days=1)  # at the start of a process
_SEEN_LATE_BY: Final = timedelta(minutes=1)  # a change has the time at which its command began
_HUNDRED: Final = Decimal(100)


async def audit_budgets(services: Services) -> int:
    """Correct the counters that differ from the jobs, and count them; returns how many there were."""
    drifts = await services.budget_reconciliation.audit_if_due(_AUDIT_EVERY)
    for _ in drifts:
        services.metrics.budget_drifted()
    return len(drifts)


class BudgetAlerts:
    """Tells the receivers of budgets what was reached and refused.

    It looks at the periods whose counters have changed since it looked last, at first at those of the last day. Of a
    budget that was changed itself, it looks at every period of now: its limit or its percentages may be others.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._looked_at: float | None = None
        self._versions: Mapping[str, int] = {}

    async def tell(self) -> int:
        """Record a webhook for each percentage of a budget that was reached, and for refusals at most hourly.

        A percentage is told once in a period. The delivery is recorded before that is noted, under an id that names
        both, so a crash in between neither loses nor repeats it.

        Returns:
            How many webhooks were recorded.
        """
        current = self._services.budget_directory.current()
        budgets = {each.id: each for each in current if each.webhook_url is not None}
        looked_at, moment, told = uptime(), now(), 0
        for changed in await self._changed(budgets, moment):
            budget = budgets[changed.budget_id]
            # One that was over a moment after its last change is told as well.
            if changed.window in {budget.window(moment).id, budget.window(changed.changed_at).id}:
                told += await self._tell_of(budget, changed)
        self._looked_at = looked_at
        self._versions = {each.id: each.version for each in budgets.values()}
        return told

    async def _changed(self, budgets: Mapping[str, Budget], moment: datetime) -> Sequence[ChangedPeriod]:
        if not budgets:
            return ()
        counters = self._services.budget_counters
        if self._looked_at is None:
            return await counters.changed_within(_TOLD_OF_LAST, budgets)
        since = timedelta(seconds=uptime() - self._looked_at) + _SEEN_LATE_BY
        others = [each for each in budgets.values() if self._versions.get(each.id) != each.version]
        return await counters.changed_within(since, budgets, [(each.id, each.window(moment).id) for each in others])

    async def _tell_of(self, budget: Budget, changed: ChangedPeriod) -> int:
        deliveries, counters, told = self._services.webhook_deliveries, self._services.budget_counters, 0
        for percent in _reached(budget, changed):
            await deliveries.record_event(_notice(budget, changed, percent))
            await counters.told_of_use(changed.id, percent)
            told += 1
        if _has_untold_refusal(changed):
            await deliveries.record_event(_notice(budget, changed, None))
            assert changed.refused_at is not None
            await counters.told_of_refusal(changed.id, changed.refused_at)
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
