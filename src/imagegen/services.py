"""Opens and closes every connection of a process, in one place."""

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

import httpx

from imagegen.account import Account
from imagegen.catalog import Catalog, CatalogSource, Commit, CurrentCatalog
from imagegen.errors import DatabaseUnavailable, ObjectStoreRefused, ObjectStoreUnavailable, StartupError
from imagegen.fal import (
    FalClient,
    FalTimeouts,
    Pricing,
    WebhookVerifier,
    keys_operation,
    max_streams,
    operation_of,
    required_open_files,
)
from imagegen.net.file_limits import raise_file_limit
from imagegen.net.guarded_transport import open_guarded_transport
from imagegen.net.http import Sender
from imagegen.net.malloc import return_freed_memory_to_system
from imagegen.net.measured import MeasuredSender
from imagegen.net.pool import open_pool
from imagegen.observability.metrics import Metrics, watch_event_loop
from imagegen.observability.tracing import NO_TRACER, Tracer
from imagegen.price_book import PriceBook, open_prices
from imagegen.queue import DirectStarts, Queue, open_queue
from imagegen.registry import Registry
from imagegen.settings import Environment, Settings
from imagegen.storage.api_keys import ApiKeys
from imagegen.storage.audit_trail import AuditTrail
from imagegen.storage.batches import Batches
from imagegen.storage.budgets.counters import BudgetCounters
from imagegen.storage.budgets.definitions import Budgets
from imagegen.storage.budgets.directory import BudgetDirectory, open_budget_directory
from imagegen.storage.budgets.ledger import Ledger
from imagegen.storage.budgets.reconciliation import BudgetReconciliation
from imagegen.storage.budgets.reservations import Reservations
from imagegen.storage.budgets.settlement import Settlement
from imagegen.storage.idempotency import IdempotencyLocks
from imagegen.storage.image_links import ImageLinks, open_image_links
from imagegen.storage.images.bucket import Bucket
from imagegen.storage.images.store import Images, open_images
from imagegen.storage.jobs.fingerprints import Fingerprints
from imagegen.storage.jobs.late_request_ids import LateRequestIds
from imagegen.storage.jobs.queue_state import QueueState
from imagegen.storage.jobs.removals import Removals
from imagegen.storage.jobs.stats import JobStats
from imagegen.storage.jobs.store import Jobs
from imagegen.storage.key_directory import KeyDirectory, open_key_directory
from imagegen.storage.queue_registration import QueueRegistrations, Registration
from imagegen.storage.rate_counts import RateCounts
from imagegen.storage.stores import Stores, open_stores
from imagegen.storage.usage.store import Usage
from imagegen.storage.webhook_deliveries import WebhookDeliveries
from imagegen.webhooks import is_public

_log = logging.getLogger("imagegen")
QUEUE_USE: Final = timedelta(seconds=90)  # each reconciliation renews it; that of a dead process runs out
_REGISTRATION_TRIES: Final = 6
_ANOTHER_QUEUE: Final = (
    "NATS_URL: other processes use this MongoDB with another queue, so each would miss the other's jobs. Set NATS_URL "
    "(and NATS_STREAM) to the same for all, or another MONGODB_DATABASE here. If the others have just crashed, try "
    f"again after {QUEUE_USE.total_seconds():.0f} s."
)
_SPARE_CONNECTIONS: Final = 32
RECEIVERS_AT_ONCE: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the rest of the process works with; one of each kind. The stores are described in `storage.stores`.

    Attributes:
        current_catalog: the catalog in use, for what runs beside the requests.
        keys: every API key, in memory.
        budget_directory: every budget, in memory.
        links: makes and reads links to images that need no API key.
        direct_starts: starts accepted jobs in this process, if they need not wait.
        metrics: the counters of this process.
        account: whether fal accepts requests of our account; submitting pauses while it does not.
        receivers: the transport to callers' webhooks; it reaches public addresses only, unless the settings allow more.
        runner: this process's name in leases: host, process id and a random part.
        stopping: set when the process is asked to end; waiting requests are then answered with the current state.
        own_catalog: that of the application whose requests these services are for; None outside of requests.
    """

    settings: Settings
    current_catalog: CurrentCatalog
    jobs: Jobs
    late_request_ids: LateRequestIds
    fingerprints: Fingerprints
    queue_state: QueueState
    job_stats: JobStats
    removals: Removals
    batches: Batches
    usage: Usage
    webhook_deliveries: WebhookDeliveries
    queue_registrations: QueueRegistrations
    reservations: Reservations
    settlement: Settlement
    budget_reconciliation: BudgetReconciliation
    audit: AuditTrail
    api_keys: ApiKeys
    rate_counts: RateCounts
    budgets: Budgets
    budget_counters: BudgetCounters
    ledger: Ledger
    keys: KeyDirectory
    budget_directory: BudgetDirectory
    images: Images
    links: ImageLinks
    queue: Queue
    direct_starts: DirectStarts
    fal: FalClient
    webhooks: WebhookVerifier
    prices: PriceBook
    account: Account
    receivers: httpx.AsyncBaseTransport
    metrics: Metrics
    runner: str
    stopping: asyncio.Event
    tracer: Tracer = NO_TRACER
    idempotency_locks: IdempotencyLocks = field(default_factory=IdempotencyLocks)
    own_catalog: Catalog | None = None

    @property
    def registry(self) -> Registry:
        """The models: of a request, those with which it began."""
        return (self.own_catalog or self.current_catalog.latest).registry

    def of_requests(self, catalog: Catalog) -> "Services":
        """The same services for requests, which have this catalog until they end."""
        return replace(self, own_catalog=catalog)


@asynccontextmanager
async def open_services(
    settings: Settings,
    catalog: Catalog | Registry,
    *,
    stopping: asyncio.Event | None = None,
    create_bucket: bool = False,
    tracer: Tracer = NO_TRACER,
    fal_timeouts: FalTimeouts | None = None,
) -> AsyncGenerator[Services]:
    """Connect to the four servers and close every connection at the end.

    Args:
        settings: with the address of every server.
        catalog: the models; a registry that was made otherwise stands for what the files of the settings have.
        stopping: set by the caller to end waiting requests.
        create_bucket: create a missing bucket; for a local S3 only.
        tracer: starts the span of each job that is taken from the queue.
        fal_timeouts: timeouts towards fal, if not the defaults.

    Raises:
        StartupError: a server shows that a setting is wrong.
        Unavailable: a server does not answer, or refuses the bucket permanently in production.
    """
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        metrics = await enter(_open_metrics())
        current = await _current_catalog(settings, catalog)
        registry = current.latest.registry
        pool, to_fal, fal = await enter(_open_fal(settings, registry, metrics, fal_timeouts))
        images = await enter(_open_images(settings, pool, fal, metrics, create_bucket=create_bucket))
        stores = await enter(open_stores(settings.mongodb))
        runner = f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"
        queue = await enter(_open_registered_queue(settings, stores.queue_registrations, runner, current))
        prices = await enter(open_prices(Pricing(settings.fal, to_fal), stores.unit_prices, registry.endpoints))
        current.follow(_followers(fal, prices, metrics))
        metrics.set_catalog(current.latest.sha256)
        yield Services(
            settings=settings,
            current_catalog=current,
            **_handed_out(stores),
            keys=await enter(open_key_directory(stores.api_keys, queue.key_news, settings.auth.keys_cache)),
            budget_directory=await enter(open_budget_directory(stores.budgets, queue.budget_news)),
            images=images,
            links=await enter(open_image_links(settings.links, stores.link_secrets, queue.link_news)),
            queue=queue,
            direct_starts=DirectStarts(queue),
            fal=fal,
            webhooks=WebhookVerifier(settings.fal, MeasuredSender(pool, metrics, "fal", keys_operation)),
            prices=prices,
            account=Account(stores.account_pauses, fal, settings.fal),
            receivers=await enter(open_guarded_transport(RECEIVERS_AT_ONCE, _is_allowed_receiver(settings))),
            metrics=metrics,
            stopping=stopping or asyncio.Event(),
            runner=runner,
            tracer=tracer,
        )


def _handed_out(stores: Stores) -> dict[str, Any]:
    """The stores that `Services` has, under the same names."""
    names = {each.name for each in fields(Services)}
    return {each.name: getattr(stores, each.name) for each in fields(stores) if each.name in names}


async def _current_catalog(settings: Settings, catalog: Catalog | Registry) -> CurrentCatalog:
    source = CatalogSource.of(settings.service)
    if isinstance(catalog, Registry):
        catalog = await asyncio.to_thread(source.with_models, catalog)
    return CurrentCatalog(source, catalog)


def _followers(fal: FalClient, prices: PriceBook, metrics: Metrics) -> Callable[[Catalog], Awaitable[Commit]]:
    """What of the services changes with the catalog."""

    async def prepare(catalog: Catalog) -> Commit:
        endpoints, outputs = catalog.registry.endpoints, catalog.registry.outputs

        def commit() -> None:
            fal.use_outputs(outputs, endpoints)
            prices.use_endpoints(endpoints)
            metrics.set_catalog(catalog.sha256)

        return commit

    return prepare


@asynccontextmanager
async def _open_metrics() -> AsyncGenerator[Metrics]:
    """The counters of this process, which from now on returns freed memory to the system."""
    return_freed_memory_to_system()
    metrics = Metrics()
    async with watch_event_loop(metrics):
        yield metrics


@asynccontextmanager
async def _open_fal(
    settings: Settings, registry: Registry, metrics: Metrics, timeouts: FalTimeouts | None
) -> AsyncGenerator[tuple[Sender, Sender, FalClient]]:
    """The pool of connections, the same as measured towards fal, and fal's client."""
    async with open_pool(_connections(settings)) as pool:
        to_fal = MeasuredSender(pool, metrics, "fal", operation_of)
        streams = _max_streams(settings)
        yield pool, to_fal, FalClient(settings.fal, to_fal, timeouts, streams=streams, outputs=registry.outputs)


def _max_streams(settings: Settings) -> int:
    """Status streams that fit into the limit on open files, which is raised as far as it may be."""
    return max_streams(raise_file_limit(required_open_files(settings.service.concurrency)))


def _connections(settings: Settings) -> int:
    """Each job in flight holds one connection to fal or to its media host; a few more transfer images."""
    return 2 * settings.service.concurrency + _SPARE_CONNECTIONS


@asynccontextmanager
async def _open_images(
    settings: Settings, sender: Sender, fal: FalClient, metrics: Metrics, *, create_bucket: bool
) -> AsyncGenerator[Images]:
    to_media = MeasuredSender(sender, metrics, "media", lambda _: "download")
    async with open_images(
        settings.s3, settings.service, to_media, fal.media_hosts, metrics, downloads=settings.limits.max_downloads
    ) as images:
        await (images.bucket.create_if_missing() if create_bucket else _check_bucket(images.bucket, settings))
        yield images


async def _check_bucket(bucket: Bucket, settings: Settings) -> None:
    """Log an error if the bucket cannot be used; in production, end the start if it is refused permanently.

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
async def _open_registered_queue(
    settings: Settings, registrations: QueueRegistrations, runner: str, catalog: CurrentCatalog
) -> AsyncGenerator[Queue]:
    """Open the queue, unless other running processes use another queue with the same database.

    Raises:
        StartupError: they do.
    """

    async def admit(queue: Queue) -> str:
        stream = queue.stream
        for _ in range(_REGISTRATION_TRIES):
            # A lost stream gets the identity that it had: the address shows that it is the same NATS.
            identity = await stream.identity() or await registrations.find_identity(stream.address) or uuid4().hex
            own = Registration(process=runner, catalog=catalog.latest.sha256)
            if await registrations.register(own, identity, stream.address, QUEUE_USE):
                return identity
            await asyncio.sleep(0.5)  # a process that was faster may be creating the stream in this same NATS
        raise StartupError(_ANOTHER_QUEUE)

    one_by_one = settings.fal.concurrency is not None
    retry_slots = max(1, settings.service.concurrency // 2)
    opened = open_queue(
        settings.nats, settings.service.lease, one_by_one=one_by_one, retry_slots=retry_slots, admit=admit
    )
    try:
        async with opened as queue:
            yield queue
    finally:
        with suppress(DatabaseUnavailable):
            await registrations.unregister(runner)


def _is_allowed_receiver(settings: Settings) -> Callable[[str], bool]:
    """A predicate: whether webhooks may be sent to this IP address."""
    return lambda address: settings.webhooks.allow_private or is_public(address)
