"""Waiting for a job or a batch on behalf of a caller."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Annotated, Final

from fastapi import Query

from imagegen.api.conditional import is_known, job_tag
from imagegen.errors import DatabaseUnavailable
from imagegen.job_news import Listener, is_any, is_end
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


async def wait_for_end(job: Job, services: Services, patience: timedelta, listener: Listener | None = None) -> Job:
    """The job as soon as it has ended, or as it is when the patience is over or the service is asked to stop.

    Args:
        job: as it was read or stored.
        services: where it is kept.
        patience: how long to wait at most.
        listener: to its end since before it was stored, so that it is not read at first.
    """
    if listener is None:
        return await wait_for_change(job, services, patience, None)
    return await _looked_at(job, services, patience, None, listener)


async def wait_for_change(job: Job, services: Services, patience: timedelta, known: str | None) -> Job:
    """The job as soon as it has ended or is not what the caller knows, or as it is when the patience is over.

    Args:
        job: as it was read.
        services: where it is kept.
        patience: how long to wait at most.
        known: the caller's header If-None-Match; without one, only the end is waited for.
    """
    with services.queue.news.heard(job.id, is_end if known is None else is_any) as listener:
        listener.woken.set()
        return await _looked_at(job, services, patience, known, listener)


async def _looked_at(job: Job, services: Services, patience: timedelta, known: str | None, listener: Listener) -> Job:
    async def look() -> bool:
        nonlocal job
        if listener.ended is not None:
            job = listener.ended
            return True
        with suppress(DatabaseUnavailable):
            job = await services.jobs.get(job.id)
        return job.status.is_final or (known is not None and not is_known(known, job_tag(job)))

    await look_until(look, listener.woken, services, patience)
    return job


async def look_until(
    look: Callable[[], Awaitable[bool]],
    news: asyncio.Event,
    services: Services,
    patience: timedelta,
    pause: timedelta = timedelta(0),
) -> None:
    """Look at a job or a batch until that has shown enough, the patience is over, or the service is asked to stop.

    Args:
        look: says whether that was enough.
        news: set when there is something to see. Announcements keep no history, so one who has just begun to listen
            sets it, and it is looked every few seconds without any.
        services: may be asked to stop.
        patience: without any, it is not looked at all.
        pause: between two looks.
    """
    give_up_at = uptime() + patience.total_seconds()
    while (left := give_up_at - uptime()) > 0 and not services.stopping.is_set():
        await either(news, services.stopping, at_most=min(timedelta(seconds=left), LOOK_AGAIN))
        news.clear()
        if await look():
            return
        if pause:
            await either(services.stopping, at_most=min(pause, timedelta(seconds=left)))
