"""Budgets and their ledger as they go over the wire."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from imagegen.budgets import Budget
from imagegen.errors import BudgetState
from imagegen.jobs.cost import CURRENCY
from imagegen.operations.budget_reports import BudgetReport
from imagegen.storage.budgets.ledger import LedgerEntry
from imagegen.wire import budget_schemas
from imagegen.wire.problem_schemas import ProblemBudget


def budget_state(state: BudgetState) -> budget_schemas.BudgetState:
    """What is left of a budget."""
    return budget_schemas.BudgetState(
        id=state.id,
        name=state.name,
        limit=state.limit,
        used=state.used,
        reserved=state.reserved,
        remaining=_remaining(state),
        resets_at=state.resets_at,
        hard=state.hard,
    )


def refusing_budgets(states: Iterable[BudgetState], estimate: Decimal) -> list[ProblemBudget]:
    """The budgets that refuse a request which may cost so much."""
    return [
        ProblemBudget(
            id=state.id,
            name=state.name,
            limit=state.limit,
            used=state.used,
            reserved=state.reserved,
            remaining=_remaining(state),
            estimate=estimate,
            resets_at=state.resets_at,
        )
        for state in states
    ]


def serialize_budget(report: BudgetReport) -> budget_schemas.Budget:
    """The budget and its current period."""
    budget, window, state = report.budget, report.window, report.state
    return budget_schemas.Budget(
        id=budget.id,
        name=budget.name,
        scope=budget_schemas.BudgetScope(kind=budget.scope.kind.value, value=budget.scope.value),
        amount=budget.amount,
        currency=CURRENCY,
        counts=budget.counts.value,
        period=budget.period and budget.period.value,
        time_zone=budget.time_zone if budget.period else None,
        models=None if budget.models is None else list(budget.models),
        alerts=list(budget.alerts),
        hard=budget.hard,
        webhook_url=budget.webhook_url,
        created_at=budget.created_at,
        deleted_at=budget.deleted_at,
        adjustments=_adjustments(budget, report.at),
        limit=state.limit if state else budget.limit(window),
        used=state and state.used,
        reserved=state and state.reserved,
        remaining=state and _remaining(state),
        over_by=state and _over_by(state),
        resets_at=window.ends_at,
        holders=[_holder(each) for each in report.holders],
    )


def serialize_ledger_entry(entry: LedgerEntry) -> budget_schemas.LedgerEntry:
    """The entry."""
    return budget_schemas.LedgerEntry(
        id=entry.id,
        at=entry.at,
        kind=entry.kind.value,
        amount=entry.amount,
        reserved=entry.reserved,
        holder=entry.holder or None,
        period=entry.period,
        job_id=entry.job_id,
        reason=entry.reason,
    )


def _adjustments(budget: Budget, at: datetime) -> list[budget_schemas.BudgetAdjustment]:
    window = budget.window(at)
    return [
        budget_schemas.BudgetAdjustment(
            id=each.id, amount=each.amount, reason=each.reason, created_at=each.at, until=each.until
        )
        for each in budget.adjustments
        if each.is_in(window)
    ]


def _holder(state: BudgetState) -> budget_schemas.BudgetHolder:
    return budget_schemas.BudgetHolder(
        user_id=state.holder,
        limit=state.limit,
        used=state.used,
        reserved=state.reserved,
        remaining=_remaining(state),
        over_by=_over_by(state),
    )


def _remaining(state: BudgetState) -> Decimal:
    return max(Decimal(0), state.remaining)


def _over_by(state: BudgetState) -> Decimal:
    return max(Decimal(0), -state.remaining)
