"""Every connection of a process, opened and closed in one place."""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from imagegen.fal import Fal, Pricing, WebhookVerifier, allowed_streams
from imagegen.http import open_transport
from imagegen.prices import PriceBook, open_prices
from imagegen.queue import Queue, open_queue
from imagegen.registry import Registry
from imagegen.settings import Settings
from imagegen.storage.images import Images, open_images
from imagegen.storage.jobs import Jobs, open_jobs

_SPARE_CONNECTIONS: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the rest of the process works with; one of each kind.

    Attributes:
        runner: this process's name in leases: host, process id and a random part.
        stopping: set when the process was asked to end; waiting requests are answered with what there is.
    """

    settings: Settings
    registry: Registry
    jobs: Jobs
    images: Images
    queue: Queue
    fal: Fal
    webhooks: WebhookVerifier
    prices: PriceBook
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
        fal = Fal(settings.fal, transport, streams=allowed_streams())
        images = await stack.enter_async_context(open_images(settings.s3, settings.service, transport, fal.media_hosts))
        jobs = await stack.enter_async_context(open_jobs(settings.mongodb))
        queue = await stack.enter_async_context(open_queue(settings.nats, settings.service.lease))
        if create_bucket:
            await images.ensure_bucket()
        prices = await stack.enter_async_context(
            open_prices(Pricing(settings.fal, transport), jobs.unit_prices, registry.endpoints)
        )
        yield Services(
            settings=settings,
            registry=registry,
            jobs=jobs,
            images=images,
            queue=queue,
            fal=fal,
            webhooks=WebhookVerifier(settings.fal, transport),
            prices=prices,
            stopping=stopping or asyncio.Event(),
            runner=f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}",
        )


def now() -> datetime:
    """The time in UTC to the millisecond, which is what MongoDB keeps."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
