"""Storing the transitions of jobs, each one a compare-and-set, in batches.

The last transition of a job with a webhook is stored in one transaction with the delivery.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pymongo import UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from imagegen.jobs import Job
from imagegen.storage.batching import Batcher
from imagegen.storage.budgets.settlement import Settlement
from imagegen.storage.errors import duplicate_keys, mongo_errors
from imagegen.storage.jobs.documents import Document
from imagegen.storage.mongodb import Collection, Session, bulk_update, in_transaction
from imagegen.storage.usage.store import Usage
from imagegen.storage.webhook_deliveries import WebhookDeliveries


@dataclass(frozen=True, slots=True)
class Transition:
    """The write that takes a job's document from one version to the next.

    Attributes:
        job: the job as it will be stored.
        before: matches the document that it was made from.
        update: applied to that document.
        elements: which elements of its lists the update means, as array filters.
    """

    job: Job
    before: Document
    update: Document
    elements: list[Mapping[str, Any]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AtEnd:
    """The stores that the end of a job concerns.

    Attributes:
        usage: counts it.
        deliveries: owe its webhook.
        settlement: settles what it holds of budgets.
    """

    usage: Usage
    deliveries: WebhookDeliveries
    settlement: Settlement


class _StaleTransition(Exception):
    """A transition of a transaction matched no document."""


class TransitionWriter:
    """Stores transitions, and reports for each whether it certainly was stored.

    MongoDB reports how many transitions of a batch matched, but not which. So if one of them is stale, the result is
    False for all of them, and each caller checks whether its own is what is stored now.
    """

    def __init__(self, jobs: Collection, at_end: AtEnd) -> None:
        self._jobs, self._at_end = jobs, at_end
        self._running = Batcher[Transition, bool](self._store)
        self._final = Batcher[Transition, bool](self._store_with_deliveries)

    async def store(self, transition: Transition) -> bool:
        """Store a transition; False if it is not certain to be stored.

        Raises:
            DuplicateKeyError: another document has a value that must be unique.
            DatabaseUnavailable: it may or may not be stored.
        """
        job = transition.job
        owes_webhook = job.status.is_final and job.webhook_url is not None
        is_certain = await (self._final if owes_webhook else self._running).submit(transition)
        if job.status.is_final:
            self._at_end.usage.count_soon(job.id)
            if job.reservations:
                self._at_end.settlement.settle_soon(job.id)
        return is_certain

    async def _store(self, transitions: Sequence[Transition]) -> Sequence[bool | Exception]:
        with mongo_errors():
            matched, duplicates = await _write(self._jobs, transitions)
        all_matched = matched == len(transitions) - len(duplicates)
        return [duplicates.get(index, all_matched) for index in range(len(transitions))]

    async def _store_with_deliveries(self, transitions: Sequence[Transition]) -> Sequence[bool | Exception]:
        """Store the last transitions of jobs with their webhook deliveries, in one transaction.

        If one of them is stale, nothing is stored, and each then runs alone.
        """

        async def store(session: Session) -> None:
            matched, duplicates = await _write(self._jobs, transitions, session)
            if matched < len(transitions):
                raise next(iter(duplicates.values()), _StaleTransition())
            await self._at_end.deliveries.record([transition.job for transition in transitions], session)

        try:
            with mongo_errors():
                await in_transaction(self._jobs, store)
        except _StaleTransition:
            if len(transitions) > 1:
                raise
            return [False]
        self._at_end.deliveries.recorded.set()
        return [True] * len(transitions)


async def _write(
    jobs: Collection, transitions: Sequence[Transition], session: Session | None = None
) -> tuple[int, Mapping[int, DuplicateKeyError]]:
    """Store transitions independently of each other.

    Returns:
        How many matched, and the ones that a unique index refused, by their index.
    """
    try:
        updates = [
            UpdateOne(each.before, each.update, array_filters=each.elements and [*each.elements])
            for each in transitions
        ]
        return (await bulk_update(jobs, updates, session)).matched_count, {}
    except BulkWriteError as error:
        return error.details["nMatched"], duplicate_keys(error)
