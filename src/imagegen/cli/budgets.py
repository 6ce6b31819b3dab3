"""`imagegen budgets`: administers budgets in the database, beside a running service or without one."""

from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import JsonValue

from imagegen.cli.budget_tables import print_budget, print_budgets, print_entries, summary_of
from imagegen.cli.errors import reporting_errors
from imagegen.cli.output import JsonOption, print_json, print_message

if TYPE_CHECKING:
    from imagegen.operations.budget_reports import BudgetReport

app = typer.Typer(
    help="Administer budgets, and read their ledgers.\n\nThey are in MongoDB. A running "
    "service applies a change at once; if NATS does not answer, within ten seconds.",
    no_args_is_help=True,
)
BudgetId = Annotated[str, typer.Argument(metavar="ID", help="The budget's id, from `imagegen budgets list`.")]
Models = Annotated[list[str] | None, typer.Option("--model", help="Only its jobs count; repeatable. Default: all.")]
Alerts = Annotated[
    list[int] | None, typer.Option("--alert", help="A percentage that is told; repeatable. Default: 50, 80, 100.")
]


@app.command()
def add(  # noqa: PLR0917 - typer reads options from the signature
    name: Annotated[str, typer.Argument(metavar="NAME", help="For people: a team, a customer.")],
    amount: Annotated[float, typer.Option(help="US dollars for each period.")],
    key: Annotated[str | None, typer.Option(help="Jobs of this API key count.")] = None,
    user: Annotated[str | None, typer.Option(help="Jobs of this userId count.")] = None,
    period: Annotated[
        str | None, typer.Option(help="day, week, month or rolling-30d. Default: none, as a prepaid wallet.")
    ] = None,
    time_zone: Annotated[str | None, typer.Option(help="IANA name, such as Europe/Berlin. Default: UTC.")] = None,
    model: Models = None,
    alert: Alerts = None,
    counts: Annotated[str, typer.Option(help="charge, or provider for fal.ai's bill, which only tells.")] = "charge",
    webhook: Annotated[str | None, typer.Option(help="URL that receives what the budget tells.")] = None,
    *,
    each_user: Annotated[bool, typer.Option("--each-user", help="Each user has the amount for itself.")] = False,
    everyone: Annotated[bool, typer.Option("--all", help="All jobs count.")] = False,
    soft: Annotated[bool, typer.Option("--soft", help="Only tell; refuse no job.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Add a budget: a limit on what the jobs of a key, of a user, of each user or of all may cost."""
    with reporting_errors("The budget cannot be added", as_json=as_json):
        from imagegen.cli.budget_administration import add_budget, administer, scope_of

        users = [each for each in (user, "*" if each_user else None) if each is not None]
        body: dict[str, JsonValue] = {
            "name": name,
            "scope": scope_of(key, users, everyone=everyone),
            "amount": amount,
            "period": period,
            "timeZone": time_zone,
            "models": [*model] if model else None,
            "alerts": [*alert] if alert else None,
            "counts": counts,
            "hard": False if soft else None,
            "webhookUrl": webhook,
        }
        report = administer(add_budget(body))
    _print("Added", report, as_json=as_json)


@app.command("list")
def show_all(*, as_json: JsonOption = False) -> None:
    """List the budgets, newest first, and what is left of them."""
    with reporting_errors("The budgets cannot be listed", as_json=as_json):
        from imagegen.cli.budget_administration import administer, all_budgets

        reports = administer(all_budgets)
    if as_json:
        print_json({"budgets": [_as_json(report) for report in reports]})
    elif reports:
        print_budgets(reports)
    else:
        print_message("There are no budgets: `imagegen budgets add NAME --amount 25 --all` makes one.")


@app.command()
def show(budget_id: BudgetId, *, as_json: JsonOption = False) -> None:
    """Show a budget, what is left of it and, if each user has it, who used most."""
    with reporting_errors("The budget cannot be shown", as_json=as_json):
        from imagegen.cli.budget_administration import administer

        report = administer(lambda admin: admin.show(budget_id))
    if as_json:
        print_json({"budget": _as_json(report)})
    else:
        print_budget(report)


@app.command()
def change(  # noqa: PLR0917 - typer reads options from the signature
    budget_id: BudgetId,
    name: Annotated[str | None, typer.Option(help="Another name.")] = None,
    amount: Annotated[float | None, typer.Option(help="US dollars for each period.")] = None,
    model: Models = None,
    alert: Alerts = None,
    hard: Annotated[bool | None, typer.Option("--hard/--soft", help="Refuse jobs, or only tell.")] = None,
    webhook: Annotated[str | None, typer.Option(help="URL that receives what the budget tells.")] = None,
    *,
    all_models: Annotated[bool, typer.Option("--all-models", help="Jobs of all models count.")] = False,
    no_webhook: Annotated[bool, typer.Option("--no-webhook", help="Tell no URL.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Change a budget. What is not named stays; a lower amount cancels no job."""
    with reporting_errors("The budget cannot be changed", as_json=as_json):
        from imagegen.cli.budget_administration import administer, change_budget

        given: dict[str, JsonValue] = {
            "name": name,
            "amount": amount,
            "models": [*model] if model else None,
            "alerts": [*alert] if alert else None,
            "hard": hard,
            "webhookUrl": webhook,
        }
        body = {member: value for member, value in given.items() if value is not None}
        body |= {"models": None} if all_models else {}
        body |= {"webhookUrl": None} if no_webhook else {}
        report = administer(change_budget(budget_id, body))
    _print("Changed", report, as_json=as_json)


@app.command()
def adjust(
    budget_id: BudgetId,
    amount: Annotated[float, typer.Option(help="US dollars; negative to take something away.")],
    reason: Annotated[str, typer.Option(help="Why, for the ledger.")],
    periods: Annotated[int | None, typer.Option(help="Periods that have it, this one included. Default: 1.")] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(help="Your own name for this; a repeat with the same one does nothing.")
    ] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Top up a wallet for good, or give a budget more, or less, for some periods."""
    with reporting_errors("The budget cannot be adjusted", as_json=as_json):
        from imagegen.cli.budget_administration import adjust_budget, administer

        body: dict[str, JsonValue] = {"amount": amount, "reason": reason, "periods": periods}
        report = administer(adjust_budget(budget_id, body, idempotency_key))
    _print("Adjusted", report, as_json=as_json)


@app.command()
def delete(budget_id: BudgetId, *, as_json: JsonOption = False) -> None:
    """Delete a budget for good: it no longer limits anything. Its ledger stays."""
    with reporting_errors("The budget cannot be deleted", as_json=as_json):
        from imagegen.cli.budget_administration import administer

        administer(lambda admin: admin.delete(budget_id))
    if as_json:
        print_json({"deleted": budget_id})
    else:
        print_message(f"Budget {budget_id} is deleted.")


@app.command()
def ledger(
    budget_id: BudgetId,
    job: Annotated[str | None, typer.Option(help="Only entries of this job.")] = None,
    most: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="The most entries.")] = 100,
    *,
    as_json: JsonOption = False,
) -> None:
    """Show what was reserved, settled, released and adjusted, newest first."""
    with reporting_errors("The ledger cannot be read", as_json=as_json):
        from imagegen.cli.budget_administration import administer, ledger_of

        entries = administer(ledger_of(budget_id, job, most))
    if as_json:
        from imagegen.wire.budget_serializers import serialize_ledger_entry

        print_json({"entries": [serialize_ledger_entry(entry).model_dump(mode="json") for entry in entries]})
    elif entries:
        print_entries(entries)
    else:
        print_message("The ledger is empty.")


def _print(done: str, report: "BudgetReport", *, as_json: bool) -> None:
    if as_json:
        print_json({"budget": _as_json(report)})
    else:
        print_message(f"{done} budget {report.budget.id} for {report.budget.name} ({summary_of(report)}).")


def _as_json(report: "BudgetReport") -> JsonValue:
    from imagegen.wire.budget_serializers import serialize_budget

    return serialize_budget(report).model_dump(mode="json")
