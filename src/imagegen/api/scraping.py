"""The answer to a scrape: what this process has counted, and how the servers that all processes share stand now."""

import asyncio
from collections.abc import Coroutine, Mapping
from datetime import timedelta
from typing import Final, TypeAlias

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from imagegen.errors import ProviderError, Unavailable
from imagegen.metrics import Server, exposition
from imagegen.shared_answers import SharedAnswer
from imagegen.wiring import Services, now

PATH: Final = "/metrics"
Looks: TypeAlias = Mapping[Server, Coroutine[object, object, None]]
_PATIENCE: Final = 2.0  # for all servers together; a scraper waits for 10 s, usually


def scraping_app(services: Services) -> Starlette:
    """What listens on the port for metrics: it has nothing else."""
    look = looking(services)

    async def answer(request: Request) -> Response:
        return await scraped(services, look, request.headers.get("accept", ""))

    return Starlette(routes=[Route(PATH, answer)])


def looking(services: Services) -> SharedAnswer[None]:
    """The look at the servers, which scrapes at the same moment share: one is in flight at a time."""
    return SharedAnswer(lambda: _look_at_the_servers(services), timedelta(0))


async def scraped(services: Services, look: SharedAnswer[None], accept: str) -> Response:
    """Every metric as text. A server that is down delays it by a few seconds at most, and fails nothing."""
    await look.get()
    services.metrics.event_loop_has(tasks=len(asyncio.all_tasks()))
    text, content_type = await asyncio.to_thread(exposition, services.metrics, accept)
    return Response(text, headers={"Content-Type": content_type, "Cache-Control": "no-store"})


async def _look_at_the_servers(services: Services) -> None:
    """Ask all of them at once. Who has not answered in time is down, for this scrape."""
    looks: Looks = {
        "mongodb": _look_at_the_jobs(services),
        "nats": _look_at_the_queue(services),
        "s3": services.images.bucket.check(),
        "fal": services.account.answers(),
    }
    asked: Mapping[Server, asyncio.Task[bool]] = {
        server: asyncio.create_task(_answers(look), name=f"scrape {server}") for server, look in looks.items()
    }
    done, late = await asyncio.wait(asked.values(), timeout=_PATIENCE)
    for task in late:
        task.cancel()
    up: Mapping[Server, bool] = {server: task in done and task.result() for server, task in asked.items()}
    for server, is_up in up.items():
        services.metrics.server_is(server, up=is_up)
    if not up["mongodb"]:
        services.metrics.jobs_stand()
    if not up["nats"]:
        services.metrics.queue_holds({})


async def _look_at_the_jobs(services: Services) -> None:
    standing = await services.jobs.standings.read()
    age = now() - standing.oldest_queued_at if standing.oldest_queued_at else timedelta(0)
    services.metrics.jobs_stand(
        oldest=max(0.0, age.total_seconds()), unknown=standing.unknown, attention=standing.needing_attention
    )


async def _look_at_the_queue(services: Services) -> None:
    services.metrics.queue_holds(await services.queue.stream.waiting())


async def _answers(look: Coroutine[object, object, None]) -> bool:
    try:
        await look
    except (Unavailable, ProviderError):
        return False
    return True
