"""Budgets and their ledgers as `imagegen budgets` prints them."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from imagegen.cli.output import dollars
from imagegen.cli.tables import Column, Row, print_table

if TYPE_CHECKING:
    from imagegen.budgets import Budget
    from imagegen.operations.budget_reports import BudgetReport
    from imagegen.storage.budgets.ledger import LedgerEntry

_COLUMNS: Final = (
    Column("ID"),
    Column("FOR"),
    Column("PERIOD"),
    Column("LIMIT", is_number=True),
    Column("LEFT", is_number=True),
    Column("NAME"),
)
_MEMBERS: Final = (Column("MEMBER"), Column("VALUE"))
_HOLDERS: Final = (
    Column("USED", is_number=True),
    Column("RESERVED", is_number=True),
    Column("LEFT", is_number=True),
    Column("USER"),
)
_ENTRIES: Final = (Column("AT"), Column("KIND"), Column("AMOUNT", is_number=True), Column("JOB OR REASON"))


def print_budgets(reports: "Sequence[BudgetReport]") -> None:
    """A row for each budget."""
    rows = [
        Row(
            (
                report.budget.id,
                _scope(report.budget),
                _period(report.budget),
                dollars(_limit(report)),
                dollars(report.state.remaining) if report.state else "",
                report.budget.name,
            )
        )
        for report in reports
    ]
    print_table(_COLUMNS, rows)


def print_budget(report: "BudgetReport") -> None:
    """A row for each member, and one for each user that has used some of it."""
    budget, state = report.budget, report.state
    left = () if state is None else _figures(state.used, state.reserved, state.remaining)
    members = (
        ("id", budget.id),
        ("name", budget.name),
        ("for", _scope(budget)),
        ("models", "all" if budget.models is None else ", ".join(budget.models)),
        ("counts", "what you are charged" if budget.counts == "charge" else "fal.ai's bill"),
        ("kind", "refuses jobs" if budget.hard else "only tells"),
        ("period", _period(budget)),
        ("amount", dollars(budget.amount)),
        ("limit", dollars(_limit(report))),
        *left,
        ("resets", _time(report.window.ends_at)),
        ("alerts", ", ".join(f"{each} %" for each in budget.alerts) or "none"),
        ("webhook", budget.webhook_url or "none"),
        ("created", _time(budget.created_at)),
        ("deleted", _time(budget.deleted_at)),
    )
    print_table(_MEMBERS, [Row(member) for member in members])
    if report.holders:
        print_table(
            _HOLDERS,
            [
                Row((dollars(each.used), dollars(each.reserved), dollars(each.remaining), each.holder))
                for each in report.holders
            ],
        )


def print_entries(entries: "Sequence[LedgerEntry]") -> None:
    """A row for each entry."""
    rows = [
        Row((_time(entry.at), entry.kind.value, dollars(entry.amount), entry.job_id or entry.reason or ""))
        for entry in entries
    ]
    print_table(_ENTRIES, rows)


def summary_of(report: "BudgetReport") -> str:
    """What a budget allows, in a few words."""
    state = report.state
    left = f", {dollars(state.remaining)} left" if state else ""
    return f"{_scope(report.budget)}, {dollars(_limit(report))} {_period(report.budget)}{left}"


def _figures(used: Decimal, reserved: Decimal, remaining: Decimal) -> tuple[tuple[str, str], ...]:
    name, left = ("left", remaining) if remaining >= 0 else ("over by", -remaining)
    return ("used", dollars(used)), ("reserved", dollars(reserved)), (name, dollars(left))


def _limit(report: "BudgetReport") -> Decimal:
    return report.state.limit if report.state else report.budget.limit(report.window)


def _scope(budget: "Budget") -> str:
    if budget.scope.value is None:
        return "all"
    return "each user" if budget.scope.value == "*" else f"{budget.scope.kind} {budget.scope.value}"


def _period(budget: "Budget") -> str:
    if budget.period is None:
        return "for good"
    return f"per {budget.period.value}" if budget.period != "rolling-30d" else "in 30 days"


def _time(moment: datetime | None) -> str:
    return "never" if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"
