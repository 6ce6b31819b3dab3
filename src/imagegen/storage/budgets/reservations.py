"""Reserving money of budgets for new jobs, before they are stored.

Requests of a process that reserve in the same period at the same time share a round: in their order, each gets what it
asks for if there is room for it. The round stays until all of its jobs are stored or released, so that a crash in
between leaves nothing reserved.
"""

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from imagegen.errors import DatabaseUnavailable
from imagegen.storage.batching import KeyedBatcher
from imagegen.storage.budgets.budget_period import BudgetPeriod
from imagegen.storage.budgets.counters import Counted, LastRound
from imagegen.storage.budgets.lanes import Lanes
from imagegen.storage.budgets.rounds import RESERVING, Round, RoundJob, RoundKind
from imagegen.storage.budgets.settlement import BudgetStores, Settlement, ledger_entries
from imagegen.storage.deferred import Deferred

_DELAY: Final = timedelta(seconds=1)
_TRIES: Final = 5
_log = logging.getLogger("imagegen.budgets")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What one request asks of one period.

    Attributes:
        period: of a budget that counts its jobs.
        jobs: these jobs, with their amounts.
    """

    period: BudgetPeriod
    jobs: tuple[RoundJob, ...]

    @property
    def amount(self) -> Decimal:
        """US dollars, for all of its jobs."""
        return sum((job.amount for job in self.jobs), Decimal(0))

    @property
    def is_forced(self) -> bool:
        """Whether it counts even without room."""
        return not self.period.budget.hard


@dataclass(eq=False, slots=True, kw_only=True)
class _OpenRound:
    """A round that has taken place, until the jobs of all its requests are stored or released."""

    round: Round
    open: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    """The outcome for one request.

    Attributes:
        ask: what it asked for.
        fits: whether it has that now.
        is_open: whether the period had begun and was not over; if not, nothing was reserved.
        at: when, on the database's clock.
        counted: the counters after the round.
        round: the round, if it fits.
    """

    ask: Ask
    fits: bool
    is_open: bool
    at: datetime
    counted: Counted
    round: _OpenRound | None = field(default=None, repr=False)


class Reservations:
    """Reserves for new jobs."""

    def __init__(self, stores: BudgetStores, lanes: Lanes, settlement: Settlement) -> None:
        self._counters, self._rounds, self._ledger = stores.counters, stores.rounds, stores.ledger
        self._lanes, self._settlement = lanes, settlement
        self._asks = KeyedBatcher[Ask, Reserved](self._reserve_all)
        self._finished = Deferred[Round](self._finish, _DELAY, _log, "rounds of budgets are finished")

    async def close(self) -> None:
        """Finish the rounds whose jobs are stored."""
        await self._finished.close()

    async def reserve(self, ask: Ask) -> Reserved:
        """Reserve what a request asks for, if the period has room for it.

        Raises:
            DatabaseUnavailable: whatever it reserved is released by reconciliation.
        """
        return await self._asks.submit(ask.period.id, ask)

    def stored(self, reserved: Sequence[Reserved]) -> None:
        """The jobs of a request are stored, each with its reservations."""
        for each in reserved:
            if (its := each.round) is not None:
                its.open -= 1
                if not its.open:
                    self._finished.add(its.round)

    async def release(self, reserved: Sequence[Reserved]) -> None:
        """Take back what a request reserved, because its jobs are not stored and never will be.

        What MongoDB does not take is released by reconciliation.
        """
        for each in reserved:
            if each.round is None:
                continue
            try:
                await self._settlement.release(each.ask.period.id, each.ask.jobs)
            except DatabaseUnavailable as error:
                _log.warning("a refused request still holds a part of a budget: %s; reconciliation releases it", error)
            else:
                self.stored([each])

    async def _finish(self, rounds: Sequence[Round]) -> None:
        await self._ledger.add([entry for each in rounds for entry in ledger_entries(each)])
        await self._rounds.end([each.id for each in rounds])

    async def _reserve_all(self, period: str, asks: Sequence[Ask]) -> Sequence[Reserved]:
        """Run one round for requests that ask for the same period."""
        newest = max((ask.period for ask in asks), key=lambda period: period.budget.version)
        lane = self._lanes.lane(period, RESERVING)
        async with lane.lock:
            for _ in range(_TRIES):
                new = _new_round(period, lane.begin(), asks)
                await self._rounds.begin(new)
                last, counted = await self._counters.reserve(new, newest, [(ask.amount, ask.is_forced) for ask in asks])
                if last.id != new.id:  # it was given up meanwhile
                    await self._rounds.end([new.id])
                    continue
                await self._keep_what_fits(new, last)
                lane.took_place(new.process, new.number)
                return _outcomes(asks, replace(new, at=last.at), last, counted)
        raise DatabaseUnavailable

    async def _keep_what_fits(self, new: Round, last: LastRound) -> None:
        """Take the jobs of refused requests out of a round."""
        if not any(last.fits):
            await self._rounds.end([new.id])
        elif refused := [job.key for job in new.jobs if not last.fits[job.ask]]:
            await self._rounds.drop_jobs(new.period, RoundKind.RESERVE, refused)


def _new_round(period: str, place: tuple[str, int], asks: Sequence[Ask]) -> Round:
    process, number = place
    return Round(
        id=secrets.token_hex(8),
        kind=RoundKind.RESERVE,
        period=period,
        process=process,
        number=number,
        jobs=tuple(replace(job, ask=of_ask) for of_ask, ask in enumerate(asks) for job in ask.jobs),
    )


def _outcomes(asks: Sequence[Ask], done: Round, last: LastRound, counted: Counted) -> Sequence[Reserved]:
    kept = replace(done, jobs=tuple(job for job in done.jobs if last.fits[job.ask]))
    its = _OpenRound(round=kept, open=sum(last.fits))
    return [
        Reserved(
            ask=ask,
            fits=fits,
            is_open=last.is_open,
            at=last.at,
            counted=counted,
            round=its if fits else None,
        )
        for ask, fits in zip(asks, last.fits, strict=True)
    ]
