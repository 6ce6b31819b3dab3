"""The audit of budgets: now and then, their counters are compared with the jobs."""

from datetime import timedelta
from typing import Final

from imagegen.services import Services

_AUDIT_EVERY: Final = timedelta(minutes=3)


async def audit_budgets(services: Services) -> int:
    """Correct the counters that differ from the jobs, and count them; returns how many there were."""
    drifts = await services.budget_reconciliation.audit_if_due(_AUDIT_EVERY)
    for _ in drifts:
        services.metrics.budget_drifted()
    return len(drifts)
