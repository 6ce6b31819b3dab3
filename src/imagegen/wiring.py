"""Every connection of a process, opened and closed in one place."""

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import uuid4

import httpx

from imagegen.account import Account
from imagegen.errors import DatabaseUnavailable, ObjectStoreRefused, ObjectStoreUnavailable, StartupError
from imagegen.fal import Fal, Patience, Pricing, WebhookVerifier, about_keys, files_for, operation_of, streams_within
from imagegen.freed_memory import return_freed_memory
from imagegen.http import open_guarded_transport, open_transport
from imagegen.metrics import MeasuredTransport, Metrics, watching_the_event_loop
from imagegen.open_files import allow_open_files
from imagegen.prices import PriceBook, open_prices
from imagegen.queue import Queue, open_queue
from imagegen.registry import Registry
from imagegen.settings import Environment, Settings
from imagegen.storage.images import Images, open_images
from imagegen.storage.jobs import Jobs, open_jobs
from imagegen.storage.s3 import Bucket
from imagegen.tracing import PASS_ON, Tracer
from imagegen.webhooks import is_public

_log = logging.getLogger("imagegen")
QUEUE_USE: Final = timedelta(seconds=90)  # a process says so anew with each audit; one that died is forgotten then
_ADMISSIONS: Final = 6
_ANOTHER_QUEUE: Final = (
    "NATS_URL: other processes use this MongoDB with another queue, so each would miss the other's jobs. Set NATS_URL "
    "(and NATS_STREAM) to the same for all, or another MONGODB_DATABASE here. If the others have just crashed, try "
    f"again after {QUEUE_USE.total_seconds():.0f} s."
)
_SPARE_CONNECTIONS: Final = 32
RECEIVERS_AT_ONCE: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the rest of the process works with; one of each kind.

    Attributes:
        metrics: what this process counts.
        account: whether fal takes requests from it; submitting pauses while it does not.
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
    webhooks: WebhookVerifier
    prices: PriceBook
    account: Account
    receivers: httpx.AsyncBaseTransport
    metrics: Metrics
    runner: str
    stopping: asyncio.Event
    tracer: Tracer = PASS_ON


@asynccontextmanager
async def open_services(
    settings: Settings,
    registry: Registry,
    *,
    stopping: asyncio.Event | None = None,
    create_bucket: bool = False,
    tracer: Tracer = PASS_ON,
    patience: Patience | None = None,
) -> AsyncGenerator[Services]:
    """Connect to the four servers and close every connection at the end.

    Args:
        settings: with every server named.
        registry: the models.
        stopping: who sets it asks waiting requests to come to an end.
        create_bucket: make the bucket if it is not there; for a local S3 only.
        tracer: begins the span of each job that is taken from the queue.
        patience: the limits of time towards fal, if other than the usual ones.

    Raises:
        StartupError: a setting that only the server could judge.
        Unavailable: a server does not answer, or refuses the bucket for good in production.
    """
    return_freed_memory()
    async with AsyncExitStack() as stack:
        transport = await stack.enter_async_context(open_transport(_connections(settings)))
        metrics = Metrics()
        await stack.enter_async_context(watching_the_event_loop(metrics))
        to_fal = MeasuredTransport(transport, metrics, "fal", operation_of)
        to_fals_keys = MeasuredTransport(transport, metrics, "fal", about_keys)
        allowed = allow_open_files(files_for(settings.service.concurrency))
        fal = Fal(settings.fal, to_fal, patience, streams=streams_within(allowed))
        images = await stack.enter_async_context(_images(settings, transport, fal, metrics))
        if not create_bucket:
            await _look_at_the_bucket(images.bucket, settings)
        jobs = await stack.enter_async_context(open_jobs(settings.mongodb))
        runner = f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"
        queue = await stack.enter_async_context(_open_the_queue_in_use(settings, jobs, runner))
        if create_bucket:
            await images.bucket.ensure()
        prices = await stack.enter_async_context(
            open_prices(Pricing(settings.fal, to_fal), jobs.unit_prices, registry.endpoints)
        )
        receivers = await stack.enter_async_context(open_guarded_transport(RECEIVERS_AT_ONCE, _receivable(settings)))
        yield Services(
            settings=settings,
            registry=registry,
            jobs=jobs,
            images=images,
            queue=queue,
            fal=fal,
            webhooks=WebhookVerifier(settings.fal, to_fals_keys),
            prices=prices,
            account=Account(jobs.account_pauses, fal, settings.fal),
            receivers=receivers,
            metrics=metrics,
            stopping=stopping or asyncio.Event(),
            runner=runner,
            tracer=tracer,
        )


def _connections(settings: Settings) -> int:
    """Each job in flight holds one connection to fal or to its media host, a few more move images."""
    return 2 * settings.service.concurrency + _SPARE_CONNECTIONS


def _images(
    settings: Settings, transport: httpx.AsyncBaseTransport, fal: Fal, metrics: Metrics
) -> AbstractAsyncContextManager[Images]:
    to_media = MeasuredTransport(transport, metrics, "media", lambda _: "download")
    return open_images(settings.s3, settings.service, to_media, fal.media_hosts, metrics)


async def _look_at_the_bucket(bucket: Bucket, settings: Settings) -> None:
    """Say aloud that the bucket cannot be used; one that is refused for good ends a start in production.

    Raises:
        ObjectStoreRefused: there is no such bucket, or the key is refused, in production.
    """
    try:
        await bucket.check()
    except ObjectStoreRefused as error:
        if settings.service.env is Environment.PRODUCTION:
            raise
        _log.error("%s; jobs wait until it is right", error.advice)
    except ObjectStoreUnavailable as error:
        _log.error("%s; jobs wait until it answers", error.advice)


@asynccontextmanager
async def _open_the_queue_in_use(settings: Settings, jobs: Jobs, runner: str) -> AsyncGenerator[Queue]:
    """Open the queue, unless living processes use another one with the same database.

    Raises:
        StartupError: they do.
    """

    async def admit(queue: Queue) -> str:
        stream = queue.stream
        for _ in range(_ADMISSIONS):
            # A stream that was lost is made again as what it was: its NATS is known by its address.
            identity = await stream.identity() or await jobs.queue_users.queue_at(stream.address) or uuid4().hex
            if await jobs.queue_users.use(runner, identity, stream.address, QUEUE_USE):
                return identity
            await asyncio.sleep(0.5)  # whoever was first may be about to make the stream in this very NATS
        raise StartupError(_ANOTHER_QUEUE)

    one_by_one = settings.fal.concurrency is not None
    tries = max(1, settings.service.concurrency // 2)
    opening = open_queue(settings.nats, settings.service.lease, one_by_one=one_by_one, tries=tries, admit=admit)
    try:
        async with opening as queue:
            yield queue
    finally:
        with suppress(DatabaseUnavailable):
            await jobs.queue_users.leave(runner)


def _receivable(settings: Settings) -> Callable[[str], bool]:
    """Tells which IP addresses callers' webhooks may be at."""
    return lambda address: settings.webhooks.allow_private or is_public(address)


def now() -> datetime:
    """The time in UTC to the millisecond, which is what MongoDB keeps."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
