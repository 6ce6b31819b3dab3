"""The stores of one database, opened together over one connection.

Some share a collection or a transaction: `Jobs` records the webhook deliveries of the jobs that end, and has those jobs
counted in the usage, so it is given both stores.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from imagegen.settings import MongoSettings
from imagegen.storage.account_pauses import AccountPauses
from imagegen.storage.api_keys import ApiKeys
from imagegen.storage.audit_trail import AuditTrail
from imagegen.storage.batches import Batches
from imagegen.storage.budgets.counters import BudgetCounters
from imagegen.storage.budgets.definitions import Budgets
from imagegen.storage.budgets.lanes import Lanes
from imagegen.storage.budgets.ledger import Ledger
from imagegen.storage.budgets.reconciliation import PERIODS, ROUNDS, BudgetReconciliation
from imagegen.storage.budgets.reservations import Reservations
from imagegen.storage.budgets.rounds import Rounds
from imagegen.storage.budgets.settlement import BudgetStores, Settlement
from imagegen.storage.jobs.fingerprints import Fingerprints
from imagegen.storage.jobs.late_request_ids import LateRequestIds
from imagegen.storage.jobs.queue_state import QueueState
from imagegen.storage.jobs.removals import Removals
from imagegen.storage.jobs.stats import JobStats
from imagegen.storage.jobs.store import Jobs
from imagegen.storage.jobs.transitions import AtEnd
from imagegen.storage.link_secrets import LinkSecrets
from imagegen.storage.mongodb import Collection, index_creation_timeout, open_collection, sibling_collection
from imagegen.storage.queue_registration import QueueRegistrations
from imagegen.storage.rate_counts import RateCounts
from imagegen.storage.unit_prices import UnitPrices
from imagegen.storage.usage.store import Usage
from imagegen.storage.webhook_deliveries import WebhookDeliveries

_OPERATION_LIMIT: Final = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Every store in MongoDB.

    Attributes:
        jobs: every job.
        late_request_ids: ids of fal's requests that arrive late, and the jobs without one.
        fingerprints: those of jobs whose outcome was not delivered yet.
        queue_state: idle jobs without a message, and the number of a user's queued jobs.
        job_stats: figures about unfinished jobs.
        removals: deleted and ended jobs whose objects in the bucket are still to be removed.
        batches: jobs that were requested together; stored in one transaction with them.
        usage: sums over ended jobs.
        webhook_deliveries: deliveries to callers' webhooks; recorded in the transactions that end jobs.
        unit_prices: fal's prices, as last read.
        account_pauses: the pauses of submitting while fal refuses the account.
        queue_registrations: the queue that the living processes use.
        rate_counts: requests and images in the last minute, of each key and user that has a limit.
        budget_rounds: changes of these counters that are under way.
        reservations: reserves of budgets for new jobs.
        settlement: settles what ended jobs hold of budgets.
        budget_reconciliation: finishes what crashes left of budgets, and compares the counters with the jobs.
        link_secrets: what signs links to images.
        audit: the audit trail of changes of keys and budgets.
        api_keys: the API keys.
        budgets: the budgets, without their counters.
        budget_counters: what is used and reserved of each period of a budget.
        ledger: what was reserved, settled, released and adjusted.
    """

    jobs: Jobs
    late_request_ids: LateRequestIds
    fingerprints: Fingerprints
    queue_state: QueueState
    job_stats: JobStats
    removals: Removals
    batches: Batches
    usage: Usage
    webhook_deliveries: WebhookDeliveries
    unit_prices: UnitPrices
    account_pauses: AccountPauses
    queue_registrations: QueueRegistrations
    link_secrets: LinkSecrets
    audit: AuditTrail
    api_keys: ApiKeys
    rate_counts: RateCounts
    budget_rounds: Rounds
    reservations: Reservations
    settlement: Settlement
    budget_reconciliation: BudgetReconciliation
    budgets: Budgets
    budget_counters: BudgetCounters
    ledger: Ledger

    async def ensure_indexes(self) -> None:
        """Create the indexes that lists, sums, reconciliation and idempotency rely on."""
        await self.jobs.ensure_indexes()
        await self.usage.ensure_indexes()
        await self.webhook_deliveries.ensure_indexes()
        await self.batches.ensure_indexes()
        await self.audit.ensure_indexes()
        await self.api_keys.ensure_indexes()
        await self.rate_counts.ensure_indexes()
        await self.budget_rounds.ensure_indexes()
        await self.budgets.ensure_indexes()
        await self.budget_counters.ensure_indexes()
        await self.ledger.ensure_indexes()


def _stores(jobs: Collection) -> Stores:
    usage = Usage(sibling_collection(jobs, "usage"), jobs)
    webhook_deliveries = WebhookDeliveries(sibling_collection(jobs, "deliveries"))
    audit = AuditTrail(sibling_collection(jobs, "audit"))
    counters = BudgetCounters(sibling_collection(jobs, PERIODS))
    rounds, ledger = Rounds(sibling_collection(jobs, ROUNDS)), Ledger(sibling_collection(jobs, "budgetLedger"))
    budget_stores = BudgetStores(counters=counters, rounds=rounds, ledger=ledger)
    lanes = Lanes()
    settlement = Settlement(jobs, budget_stores, lanes)
    return Stores(
        jobs=Jobs(jobs, AtEnd(usage=usage, deliveries=webhook_deliveries, settlement=settlement)),
        late_request_ids=LateRequestIds(jobs, usage, settlement),
        fingerprints=Fingerprints(jobs),
        queue_state=QueueState(jobs),
        job_stats=JobStats(jobs),
        removals=Removals(jobs),
        batches=Batches(sibling_collection(jobs, "batches"), jobs),
        usage=usage,
        webhook_deliveries=webhook_deliveries,
        unit_prices=UnitPrices(sibling_collection(jobs, "unitPrices")),
        account_pauses=AccountPauses(sibling_collection(jobs, "accountPauses")),
        queue_registrations=QueueRegistrations(sibling_collection(jobs, "queueUsers")),
        link_secrets=LinkSecrets(sibling_collection(jobs, "linkSecrets")),
        budget_rounds=rounds,
        reservations=Reservations(budget_stores, lanes, settlement),
        settlement=settlement,
        rate_counts=RateCounts(sibling_collection(jobs, "rates")),
        budget_reconciliation=BudgetReconciliation(jobs, counters, rounds, settlement),
        audit=audit,
        api_keys=ApiKeys(sibling_collection(jobs, "apiKeys"), audit),
        budgets=Budgets(sibling_collection(jobs, "budgets"), audit, ledger),
        budget_counters=counters,
        ledger=ledger,
    )


@asynccontextmanager
async def open_stores(settings: MongoSettings, limit: timedelta = _OPERATION_LIMIT) -> AsyncGenerator[Stores]:
    """Connect, create the indexes, and yield the stores. Raises as `open_collection` does."""
    async with open_collection(settings, "jobs", limit) as jobs:
        stores = _stores(jobs)
        with index_creation_timeout():
            await stores.ensure_indexes()
        try:
            yield stores
        finally:
            await stores.usage.close()
            await stores.settlement.close()
            await stores.reservations.close()
