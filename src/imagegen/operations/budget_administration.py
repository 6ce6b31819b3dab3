"""Budgets: create, show, change, adjust and delete them. Every change has an entry in the audit trail.

An administrator whose own key has restrictions manages only budgets of what it could grant, and sees no others.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from imagegen.budgets import ANY_USER, Adjustment, Budget, ScopeKind, adjusted, end_after
from imagegen.clock import now
from imagegen.errors import (
    BudgetConflict,
    BudgetDeleted,
    BudgetExists,
    BudgetNotFound,
    Fault,
    GrantNotAllowed,
    IdempotencyMismatch,
    InvalidInput,
    StaleBudget,
    TooManyBudgets,
)
from imagegen.jobs import Idempotency, new_job_id
from imagegen.json_object import JsonObject
from imagegen.keys import ApiKey
from imagegen.operations.budget_grants import excesses, may_manage
from imagegen.operations.budget_reports import BudgetPage, BudgetReport, LedgerPage
from imagegen.operations.budget_requests import (
    AdjustBudgetRequest,
    BudgetRequest,
    ChangeBudgetRequest,
    CreateBudgetRequest,
    request_faults,
)
from imagegen.operations.compare_and_set import compare_and_set
from imagegen.operations.webhook_policy import webhook_fault
from imagegen.registry import Registry
from imagegen.settings import Settings
from imagegen.storage.api_keys import ApiKeys
from imagegen.storage.audit_trail import AuditAction, AuditEntry, AuditTrail
from imagegen.storage.budgets.counters import BudgetCounters
from imagegen.storage.budgets.definitions import Budgets, changes_of
from imagegen.storage.budgets.ledger import Ledger, LedgerEntry, LedgerKind
from imagegen.storage.idempotency import IDEMPOTENCY_KEPT

MOST_BUDGETS: Final = 1000  # undeleted; each process holds them, and looks at each for each new job
_MOST_HOLDERS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetAdministration:
    """What one administrator does with budgets.

    Attributes:
        store: the budgets.
        counters: what is used and reserved of their periods.
        ledger: their ledger.
        audit: the audit trail.
        keys: the API keys.
        registry: the models.
        settings: say which webhooks are allowed.
        actor: the administrator in the audit trail: the id of its key, or another word.
        own_key: its key; None if nothing restricts it.
        announce: tells every process, this one first, that budgets have changed.
    """

    store: Budgets
    counters: BudgetCounters
    ledger: Ledger
    audit: AuditTrail
    keys: ApiKeys
    registry: Registry
    settings: Settings
    actor: str
    own_key: ApiKey | None
    announce: Callable[[], Awaitable[None]]

    async def create(self, request: CreateBudgetRequest, idempotency: Idempotency | None = None) -> BudgetReport:
        """Create a budget.

        Raises:
            InvalidInput: with every fault.
            GrantNotAllowed: with everything that the administrator has not itself.
            TooManyBudgets: no more are possible.
            IdempotencyMismatch: the idempotency key was used with another body.
        """
        if replay := await self._replayed(idempotency):
            return replay
        await self._require_valid(request)
        new = request.budget()
        self._require_grant(new)
        if await self.store.count() >= MOST_BUDGETS:
            raise TooManyBudgets(MOST_BUDGETS)
        try:
            await self.store.insert(new, self._entry(AuditAction.BUDGET_CREATED, None, new), idempotency)
        except BudgetExists:
            await self._release(idempotency)
            return await self.create(request, idempotency)
        await self.announce()
        return await self._report(new)

    async def show(self, budget_id: str) -> BudgetReport:
        """One budget, even if it was deleted. Raises BudgetNotFound."""
        return await self._report(await self._get(budget_id))

    async def page(self, *, limit: int, before: str | None = None) -> BudgetPage:
        """At most `limit` undeleted budgets, newest first, from the one after the id `before` on."""
        if self.own_key is None:
            found = await self.store.page(limit=limit + 1, before=before)
        else:
            managed = await self.managed(await self.store.undeleted())
            found = [each for each in reversed(managed) if before is None or each.id < before]
        shown, moment = found[:limit], now()
        single = [(each, holder) for each in shown if (holder := _only_holder(each)) is not None]
        states = {state.id: state for state in await self.counters.states(single, moment)}
        return BudgetPage(
            budgets=[BudgetReport(budget=each, at=moment, state=states.get(each.id)) for each in shown],
            next_before=shown[-1].id if len(found) > limit else None,
        )

    async def managed(self, budgets: Sequence[Budget]) -> Sequence[Budget]:
        """Those that the administrator manages, in their order."""
        if self.own_key is None:
            return budgets
        keys: Mapping[str | None, ApiKey] = {key.id: key for key in await self.keys.all()}
        return [each for each in budgets if may_manage(self.own_key, each, keys.get(each.scope.value))]

    async def change(self, budget_id: str, request: ChangeBudgetRequest) -> BudgetReport:
        """Change members of a budget.

        Raises:
            BudgetNotFound: there is none that the administrator manages.
            BudgetDeleted: it cannot be changed any more.
            InvalidInput: with every fault.
            GrantNotAllowed: with everything that the administrator has not itself.
            BudgetConflict: others change it at the same time.
        """

        async def change() -> Budget:
            old = await self._get_undeleted(budget_id)
            await self._require_valid(request, old)
            new = request.applied_to(old)
            self._require_grant(new)
            if new != old:
                await self.store.save(new, self._entry(AuditAction.BUDGET_CHANGED, old, new))
            return new

        return await self._changed(await compare_and_set(change, StaleBudget, BudgetConflict(budget_id)))

    async def adjust(self, budget_id: str, request: AdjustBudgetRequest, idempotency: Idempotency) -> BudgetReport:
        """Add to the amount of a budget, or take away from it, for some periods or, of a wallet, for good.

        Raises:
            BudgetNotFound: there is none that the administrator manages.
            BudgetDeleted: it cannot be changed any more.
            InvalidInput: it has no periods.
            IdempotencyMismatch: the idempotency key was used with another body.
            BudgetConflict: others change it at the same time.
        """
        if replay := await self._replayed(idempotency):
            return replay

        async def change() -> Budget:
            old = await self._get_undeleted(budget_id)
            adjustment = _adjustment(old, request)
            new = adjusted(old, adjustment)
            entry = self._adjusting_entry(new, adjustment)
            await self.store.save(new, entry, idempotency, _ledger_entry(new, adjustment))
            return new

        try:
            new = await compare_and_set(change, StaleBudget, BudgetConflict(budget_id))
        except BudgetExists:
            await self._release(idempotency)
            return await self.adjust(budget_id, request, idempotency)
        return await self._changed(new)

    async def delete(self, budget_id: str) -> None:
        """Delete a budget for good; a deleted one stays as it is. Raises BudgetNotFound or BudgetConflict."""

        async def change() -> Budget | None:
            old = await self._get(budget_id)
            if old.deleted_at is not None:
                return None
            new = replace(old, deleted_at=now(), version=old.version + 1)
            await self.store.save(new, self._entry(AuditAction.BUDGET_DELETED, old, new))
            return new

        if await compare_and_set(change, StaleBudget, BudgetConflict(budget_id)):
            await self.announce()

    async def ledger_page(
        self, budget_id: str, *, limit: int, before: tuple[datetime, str] | None = None, job_id: str | None = None
    ) -> LedgerPage:
        """At most `limit` entries of a budget's ledger, newest first. Raises BudgetNotFound."""
        budget = await self._get(budget_id)
        found = await self.ledger.page(budget.id, limit=limit + 1, before=before, job_id=job_id)
        shown = found[:limit]
        onward = (shown[-1].at, shown[-1].id) if len(found) > limit else None
        return LedgerPage(entries=shown, next_before=onward)

    async def _get(self, budget_id: str) -> Budget:
        budget = await self.store.find(budget_id)
        if budget is None or not await self.managed([budget]):
            raise BudgetNotFound(budget_id[:64])
        return budget

    async def _get_undeleted(self, budget_id: str) -> Budget:
        budget = await self._get(budget_id)
        if budget.deleted_at is not None:
            raise BudgetDeleted(budget.id)
        return budget

    async def _changed(self, budget: Budget) -> BudgetReport:
        """Apply the limit of a changed budget, or of one that an earlier try may have changed, and tell all."""
        await self.counters.apply_limit(budget, now())
        await self.announce()
        return await self._report(budget)

    async def _report(self, budget: Budget, *, replayed: bool = False) -> BudgetReport:
        moment, holder = now(), _only_holder(budget)
        if holder is None:
            holders = await self.counters.holders(budget, moment, _MOST_HOLDERS)
            return BudgetReport(budget=budget, at=moment, holders=holders, replayed=replayed)
        (state,) = await self.counters.states([(budget, holder)], moment)
        return BudgetReport(budget=budget, at=moment, state=state, replayed=replayed)

    async def _require_valid(self, request: BudgetRequest, stored: Budget | None = None) -> None:
        """Raise InvalidInput with every fault."""
        # In a thread: the first use of a time zone reads a file.
        faults = await asyncio.to_thread(lambda: list(request_faults(request, self.registry, stored)))
        if isinstance(request, CreateBudgetRequest) and (fault := await self._key_fault(request)):
            faults.append(fault)
        if request.webhook_url is not None and (fault := webhook_fault(request.webhook_url, self.settings)):
            faults.append(fault)
        if faults:
            raise InvalidInput(faults)

    async def _key_fault(self, request: CreateBudgetRequest) -> Fault | None:
        """The fault of a key's budget without the key; one that the administrator may not see is none."""
        if request.scope.kind != ScopeKind.KEY or request.scope.value is None:
            return None
        key = await self.keys.find(request.scope.value)
        if key is not None and may_manage(self.own_key, request.budget(), key):
            return None
        message = f"scope.value must be the id of an API key, and {request.scope.value!r} is none."
        return Fault(pointer="/scope/value", code="not_allowed", message=message)

    def _require_grant(self, budget: Budget) -> None:
        if faults := list(excesses(self.own_key, budget)):
            raise GrantNotAllowed(faults)

    async def _replayed(self, idempotency: Idempotency | None) -> BudgetReport | None:
        if idempotency is None:
            return None
        found = await self.audit.find_change(idempotency, now() - IDEMPOTENCY_KEPT)
        if found is None:
            return None
        entry, stored = found
        assert entry.budget_id is not None
        if not idempotency.has_body_of(stored):
            raise IdempotencyMismatch(budget_id=entry.budget_id)
        budget = await self._get(entry.budget_id)
        return replace(await self._changed(budget), replayed=True)

    async def _release(self, idempotency: Idempotency | None) -> None:
        if idempotency is not None:
            await self.audit.release_idempotency_key(idempotency, now() - IDEMPOTENCY_KEPT)

    def _entry(self, action: AuditAction, old: Budget | None, new: Budget) -> AuditEntry:
        return self._audit_entry(action, new, changes_of(old, new))

    def _adjusting_entry(self, new: Budget, made: Adjustment) -> AuditEntry:
        until = made.until and made.until.isoformat()
        added: JsonObject = {"amount": f"{made.amount:f}", "reason": made.reason, "until": until}
        return self._audit_entry(AuditAction.BUDGET_ADJUSTED, new, {"adjustments": {"from": None, "to": dict(added)}})

    def _audit_entry(self, action: AuditAction, budget: Budget, changes: Mapping[str, JsonObject]) -> AuditEntry:
        moment = now()
        return AuditEntry(
            id=new_job_id(moment), at=moment, actor=self.actor, action=action, budget_id=budget.id, changes=changes
        )


def _only_holder(budget: Budget) -> str | None:
    """The one holder of a budget; None if each user is one."""
    return None if budget.scope.value == ANY_USER else budget.scope.value or ""


def _adjustment(budget: Budget, request: AdjustBudgetRequest) -> Adjustment:
    if budget.period is None and request.periods is not None:
        message = "periods must be left out: a wallet has no periods, so what is added stays."
        raise InvalidInput([Fault(pointer="/periods", code="conflict", message=message)])
    moment = now()
    return Adjustment(
        id=new_job_id(moment),
        amount=request.amount,
        reason=request.reason,
        at=moment,
        until=end_after(moment, budget.period, budget.zone, request.periods or 1),
    )


def _ledger_entry(budget: Budget, adjustment: Adjustment) -> LedgerEntry:
    return LedgerEntry(
        id=adjustment.id,
        at=adjustment.at,
        budget_id=budget.id,
        kind=LedgerKind.ADJUST,
        amount=adjustment.amount,
        reason=adjustment.reason,
    )
