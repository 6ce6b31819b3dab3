"""Waiting for a job or a batch on behalf of a caller."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Annotated, Final

from fastapi import Query

from imagegen.api.conditional import is_known, job_tag
from imagegen.errors import DatabaseUnavailable
from imagegen.jobs import Job
from imagegen.turn import either, uptime
from imagegen.wiring import Services

LOOK_AGAIN: Final = timedelta(seconds=5)
LONGEST_WAIT: Final = timedelta(seconds=60)
Wait = Annotated[
    int,
    Query(
        ge=0,
        le=int(LONGEST_WAIT.total_seconds()),
        description="Seconds to wait: with If-None-Match for anything to change, without it for the end. The answer "
        "comes earlier if that happens, and at once where too many wait already (IMAGEGEN_MAX_WAITING).",
        examples=[30],
    ),
]


async def wait_for_end(job: Job, services: Services, patience: timedelta) -> Job:
    """The job as soon as it has ended, or as it is when the patience is over or the service is asked to stop."""
    return await wait_for_change(job, services, patience, None)


async def wait_for_change(job: Job, services: Services, patience: timedelta, known: str | None) -> Job:
    """The job as soon as it has ended or is not what the caller knows, or as it is when the patience is over.

    Args:
        job: as it was read.
        services: where it is kept.
        patience: how long to wait at most.
        known: the caller's header If-None-Match; without one, only the end is waited for.
    """

    async def look() -> bool:
        nonlocal job
        with suppress(DatabaseUnavailable):
            job = await services.jobs.get(job.id)
        return job.status.is_final or (known is not None and not is_known(known, job_tag(job)))

    await look_until(look, job.id, services, patience)
    return job


async def look_until(
    look: Callable[[], Awaitable[bool]],
    wanted: str,
    services: Services,
    patience: timedelta,
    pause: timedelta = timedelta(0),
) -> None:
    """Look at a job or a batch until that has shown enough, the patience is over, or the service is asked to stop.

    Announcements keep no history, so the first look comes after subscribing, then one after each announcement, though
    not within `pause` of the last, and one every few seconds. There is none without patience.
    """
    give_up_at = uptime() + patience.total_seconds()
    with services.queue.news.of(wanted) as news:
        while (left := give_up_at - uptime()) > 0 and not services.stopping.is_set():
            news.clear()
            if await look():
                return
            await either(services.stopping, at_most=min(pause, timedelta(seconds=left)))
            left = timedelta(seconds=max(0, give_up_at - uptime()))
            await either(news, services.stopping, at_most=min(left, LOOK_AGAIN))
