"""Where an answer waits for the end of its job, for as long as that takes and the client is there."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Final

from starlette.requests import Request

from imagegen.api.deps import services_of
from imagegen.doors.fal.acceptance import Listening
from imagegen.jobs import Job
from imagegen.operations.wait import wait_for_end

_LONGEST: Final = timedelta(days=2)  # longer than any job lives


async def ended_job(listening: Listening, request: Request, at_most: timedelta = _LONGEST) -> Job | None:
    """The job once it has ended, or as it is when the time is over or the process stops; None if the client is gone.

    The job goes on without its client.
    """
    services = services_of(request)
    waiting = asyncio.create_task(
        wait_for_end(listening.accepted.job, services, at_most, listening.subscription), name="long answer"
    )
    leaving = asyncio.create_task(_client_leaves(request), name="client leaves")
    try:
        await asyncio.wait((waiting, leaving), return_when=asyncio.FIRST_COMPLETED)
        return waiting.result() if waiting.done() else None
    finally:
        for task in (waiting, leaving):
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(waiting, leaving, return_exceptions=True)


async def _client_leaves(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
