"""When a fleet is at rest: every job has ended, its webhook is delivered, and no process is handling anything."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import httpx

from tests.chaos.fleet import Member
from tests.chaos.records import left_to_deliver
from tests.chaos.stage import Stage
from tests.support.scraped import scrape

_BREATHER: Final = 12.0  # seconds until idle connections are closed
_GOING: Final = {"Connection": "close"}  # so that the look itself leaves nothing open
_AT_WORK: Final = ("http_requests_in_flight", "http_requests_waiting", "http_streams_open", "jobs_in_flight")


async def come_to_rest(stage: Stage, http: httpx.AsyncClient, within: float) -> None:
    """Wait until nothing is open, and then until idle connections are closed and still nothing is open.

    What does not end in time is left: if it never ends, the curves show it.
    """
    give_up_at = stage.tally.seconds + within
    while stage.tally.seconds < give_up_at:
        if not await _open(stage, http):
            await asyncio.sleep(_BREATHER)
            if not await _open(stage, http):
                return
        await asyncio.sleep(0.5)
    stage.tally.note(f"not at rest: {await _open(stage, http)}")


async def unfinished(stage: Stage, http: httpx.AsyncClient) -> Sequence[str]:
    """The jobs that have not ended, as listed by an API process."""
    address = f"http://127.0.0.1:{stage.fleet.ports[0]}/api/jobs"
    found: list[str] = []
    for status in ("queued", "running"):
        answer = await http.get(address, params={"status": status, "limit": 100}, headers=_GOING)
        if not answer.is_success:
            return [f"the history answers {answer.status_code}"]
        jobs: list[dict[str, Any]] = answer.json()["jobs"]
        found += [f"job {job['jobId']} is {status} for ever; attention: {job['attention']}" for job in jobs]
    return found


async def _open(stage: Stage, http: httpx.AsyncClient) -> Sequence[str]:
    """What is still open."""
    try:
        found = [*await unfinished(stage, http)]
        for member in stage.fleet.members:
            found += await _at_work(member, http)
    except httpx.TransportError as error:
        return [f"no answer: {error!r}"]
    owed = await left_to_deliver(stage.settings)
    return [*found, *([f"{owed} webhooks"] if owed else [])]


async def _at_work(member: Member, http: httpx.AsyncClient) -> Sequence[str]:
    scraped = await scrape(http, f"http://127.0.0.1:{member.metrics_port}/metrics")
    told = {name: scraped.value(name) or 0 for name in _AT_WORK}
    return [f"{member.name}: {name} {value:g}" for name, value in told.items() if value]
