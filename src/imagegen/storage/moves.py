"""The moves of jobs, each one compare-and-set: stored in rounds, the last of each job with what it counts for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pymongo import UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from imagegen.jobs import Job
from imagegen.storage.answers import answers, refused
from imagegen.storage.deliveries import Deliveries
from imagegen.storage.job_documents import Document
from imagegen.storage.mongodb import Collection, Session, in_transaction, update_all
from imagegen.storage.rounds import Rounds
from imagegen.storage.usage import Usage


@dataclass(frozen=True, slots=True)
class Move:
    """A job as it is to be stored, the document that it was made from, and the update that leads there."""

    job: Job
    before: Document
    update: Document


class _Late(Exception):
    """One of the moves of a transaction matched nothing."""


class Moves:
    """Stores moves, and tells of each whether it certainly was stored.

    A round says how many of its moves matched, not which. So where one came too late, False is said of all of them,
    and each looks whether it is what is stored now.
    """

    def __init__(self, jobs: Collection, usage: Usage, deliveries: Deliveries) -> None:
        self._jobs, self._usage, self._deliveries = jobs, usage, deliveries
        self._moves = Rounds[Move, bool](self._store)
        self._ends = Rounds[Move, bool](self._end)

    async def store(self, move: Move) -> bool:
        """Store a move; False if that is not certain.

        Raises:
            DuplicateKeyError: another document has what must be unique.
            DatabaseUnavailable: nobody knows.
        """
        return await (self._ends if move.job.status.is_final else self._moves).ask(move)

    async def _store(self, moves: Sequence[Move]) -> Sequence[bool | Exception]:
        with answers():
            matched, duplicates = await _write(self._jobs, moves)
        all_matched = matched == len(moves) - len(duplicates)
        return [duplicates.get(number, all_matched) for number in range(len(moves))]

    async def _end(self, moves: Sequence[Move]) -> Sequence[bool | Exception]:
        """Store jobs' last moves, count them in the usage, and record what their webhooks are owed.

        All of it, or nothing of a move that comes too late: then each goes alone.
        """

        async def end(session: Session) -> None:
            matched, duplicates = await _write(self._jobs, moves, session)
            if matched < len(moves):
                raise next(iter(duplicates.values()), _Late())
            jobs = [move.job for move in moves]
            await self._usage.count(jobs, session)
            await self._deliveries.record(jobs, session)

        try:
            with answers():
                await in_transaction(self._jobs, end)
        except _Late:
            if len(moves) > 1:
                raise
            return [False]
        if any(move.job.webhook_url for move in moves):
            self._deliveries.news.set()
        return [True] * len(moves)


async def _write(
    jobs: Collection, moves: Sequence[Move], session: Session | None = None
) -> tuple[int, Mapping[int, DuplicateKeyError]]:
    """Store moves independently of each other; how many matched, and which ones a unique index has refused."""
    try:
        updates = [UpdateOne(move.before, move.update) for move in moves]
        return (await update_all(jobs, updates, session)).matched_count, {}
    except BulkWriteError as error:
        return error.details["nMatched"], refused(error)
