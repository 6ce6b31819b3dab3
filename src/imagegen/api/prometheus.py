"""The response to a scrape: this process's counters, and the current state of the servers that processes share."""

import asyncio
from collections.abc import Coroutine, Mapping
from datetime import timedelta
from typing import Final, TypeAlias

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from imagegen.clock import now
from imagegen.errors import ProviderError, Unavailable
from imagegen.net.single_flight import SingleFlight
from imagegen.observability.metrics import Server, exposition
from imagegen.services import Services

PATH: Final = "/metrics"
Checks: TypeAlias = Mapping[Server, Coroutine[object, object, None]]
_TIMEOUT: Final = 2.0  # seconds, for all servers together; scrapers usually wait for 10


def metrics_app(services: Services) -> Starlette:
    """The application on the separate port for metrics. It serves nothing else."""
    gauges = server_gauges(services)

    async def get_metrics(request: Request) -> Response:
        return await metrics_response(services, gauges, request.headers.get("accept", ""))

    return Starlette(routes=[Route(PATH, get_metrics)])


def server_gauges(services: Services) -> SingleFlight[None]:
    """Update the gauges of the servers. Simultaneous scrapes share one update."""
    return SingleFlight(lambda: _update_gauges(services), timedelta(0))


async def metrics_response(services: Services, gauges: SingleFlight[None], accept: str) -> Response:
    """Every metric as text. A server that is down delays it by two seconds at most, and is no error."""
    await gauges.get()
    services.metrics.set_event_loop_tasks(tasks=len(asyncio.all_tasks()))
    text, content_type = await asyncio.to_thread(exposition, services.metrics, accept)
    return Response(text, headers={"Content-Type": content_type, "Cache-Control": "no-store"})


async def _update_gauges(services: Services) -> None:
    """Check all servers at once. One that does not answer in time counts as down in this scrape."""
    checks: Checks = {
        "mongodb": _update_job_gauges(services),
        "nats": _update_queue_depth(services),
        "s3": services.images.bucket.check(),
        "fal": services.account.answers(),
    }
    tasks: Mapping[Server, asyncio.Task[bool]] = {
        server: asyncio.create_task(_answers(check), name=f"scrape {server}") for server, check in checks.items()
    }
    done, late = await asyncio.wait(tasks.values(), timeout=_TIMEOUT)
    for task in late:
        task.cancel()
    up: Mapping[Server, bool] = {server: task in done and task.result() for server, task in tasks.items()}
    for server, is_up in up.items():
        services.metrics.set_server_up(server, up=is_up)
    if not up["mongodb"]:
        services.metrics.set_job_gauges()
    if not up["nats"]:
        services.metrics.set_queue_depth({})


async def _update_job_gauges(services: Services) -> None:
    standing = await services.job_stats.read()
    age = now() - standing.oldest_queued_at if standing.oldest_queued_at else timedelta(0)
    services.metrics.set_job_gauges(
        oldest=max(0.0, age.total_seconds()), unknown=standing.unknown, attention=standing.needing_attention
    )


async def _update_queue_depth(services: Services) -> None:
    services.metrics.set_queue_depth(await services.queue.stream.waiting())


async def _answers(check: Coroutine[object, object, None]) -> bool:
    try:
        await check
    except (Unavailable, ProviderError):
        return False
    return True
