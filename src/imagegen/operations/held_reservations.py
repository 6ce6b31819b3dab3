"""What a request has reserved, until its jobs are stored with it or it is released."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Final

from imagegen.clock import uptime
from imagegen.errors import DatabaseUnavailable, ImagegenError
from imagegen.jobs import Job, Reservation, ReservationCounts
from imagegen.storage.budgets.reservations import Reservations, Reserved

_MAY_BE_STORED_FOR: Final = timedelta(
    seconds=20
)  # a batch takes up to 30 s more; what has no job is taken back after 60


class HeldReservations:
    """What a request has reserved of some periods."""

    def __init__(self, reservations: Reservations, reserved: Sequence[Reserved]) -> None:
        self._reservations, self._reserved = reservations, tuple(reserved)
        self._at = uptime()
        self._is_over = False

    @asynccontextmanager
    async def released_if_refused(self) -> AsyncGenerator[None]:
        """Release if the block does not store the jobs; if that is unknown, reconciliation does it once it is known.

        Raises:
            DatabaseUnavailable: too much time has passed since, so the block does not begin.
        """
        self._require_time()
        try:
            yield
        except DatabaseUnavailable:
            raise
        except ImagegenError:
            await self.release()
            raise
        if not self._is_over:
            self._is_over = True
            self._reservations.stored(self._reserved)

    def _require_time(self) -> None:
        if uptime() - self._at > _MAY_BE_STORED_FOR.total_seconds():
            raise DatabaseUnavailable

    async def release(self) -> None:
        """Release everything, once: the jobs are not stored, and never will be."""
        if not self._is_over:
            self._is_over = True
            await self._reservations.release(self._reserved)


def with_reservations(jobs: Sequence[Job], reserved: Sequence[tuple[Reserved, ReservationCounts]]) -> Sequence[Job]:
    """The jobs with what they reserved, beside what they have already."""
    of_job: dict[str, list[Reservation]] = {job.id: [*job.reservations] for job in jobs}
    for each, counts in reserved:
        for job in each.ask.jobs:
            of_job[job.job_id].append(
                Reservation(period=each.ask.period.id, amount=job.amount, day=job.day, counts=counts)
            )
    return [replace(job, reservations=tuple(of_job[job.id])) for job in jobs]
