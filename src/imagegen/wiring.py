"""Every connection of a process, opened and closed in one place."""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import httpx

from imagegen.fal import Fal, Pricing
from imagegen.http import open_guarded_transport, open_transport
from imagegen.prices import PriceBook, open_prices
from imagegen.queue import Queue, open_queue
from imagegen.registry import Registry
from imagegen.settings import Settings
from imagegen.storage.images import Images, open_images
from imagegen.storage.jobs import Jobs, open_jobs
from imagegen.webhooks import is_public

_SPARE_CONNECTIONS: Final = 32
RECEIVERS_AT_ONCE: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the rest of the process works with; one of each kind.

    Attributes:
        receivers: leads to callers' webhooks, and to public addresses only unless the settings say otherwise.
        runner: this process's name in leases: host, process id and a random part.
        stopping: set when the process was asked to end; waiting requests are answered with what there is.
    """

    settings: Settings
    registry: Registry
    jobs: Jobs
    images: Images
    queue: Queue
    fal: Fal
    prices: PriceBook
    receivers: httpx.AsyncBaseTransport
    runner: str
    stopping: asyncio.Event


@asynccontextmanager
async def open_services(
    settings: Settings,
    registry: Registry,
    *,
    stopping: asyncio.Event | None = None,
    create_bucket: bool = False,
) -> AsyncGenerator[Services]:
    """Connect to the four servers and close every connection at the end.

    Args:
        settings: with every server named.
        registry: the models.
        stopping: who sets it asks waiting requests to come to an end.
        create_bucket: make the bucket if it is not there; for a local S3 only.

    Raises:
        StartupError: a setting that only the server could judge.
        Unavailable: a server does not answer.
    """
    async with AsyncExitStack() as stack:
        # Each job in flight holds one connection to fal or to its media host, a few more move pictures.
        connections = 2 * settings.service.concurrency + _SPARE_CONNECTIONS
        transport = await stack.enter_async_context(open_transport(connections))
        fal = Fal(settings.fal, transport)
        images = await stack.enter_async_context(open_images(settings.s3, settings.service, transport, fal.media_hosts))
        jobs = await stack.enter_async_context(open_jobs(settings.mongodb))
        queue = await stack.enter_async_context(open_queue(settings.nats, settings.service.lease))
        if create_bucket:
            await images.ensure_bucket()
        prices = await stack.enter_async_context(
            open_prices(Pricing(settings.fal, transport), jobs.unit_prices, registry.endpoints)
        )
        receivers = await stack.enter_async_context(open_guarded_transport(RECEIVERS_AT_ONCE, _receivable(settings)))
        yield Services(
            settings=settings,
            registry=registry,
            jobs=jobs,
            images=images,
            queue=queue,
            fal=fal,
            prices=prices,
            receivers=receivers,
            stopping=stopping or asyncio.Event(),
            runner=f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}",
        )


def _receivable(settings: Settings) -> Callable[[str], bool]:
    """Tells which IP addresses callers' webhooks may be at."""
    return lambda address: settings.webhooks.allow_private or is_public(address)


def now() -> datetime:
    """The time in UTC to the millisecond, which is what MongoDB keeps."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
