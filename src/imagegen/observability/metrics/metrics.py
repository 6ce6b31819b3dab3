"""The methods with which the rest of the process counts. Each takes microseconds, never waits and never fails."""

import math
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

import imagegen
from imagegen.errors import RateName
from imagegen.jobs import Job, JobStatus
from imagegen.observability.metrics.instruments import (
    HttpInstruments,
    JobInstruments,
    ProcessInstruments,
    QueueInstruments,
    UpstreamInstruments,
)
from imagegen.observability.metrics.label_values import Direction, Server, Stage, Step, Upstream, UpstreamOutcome
from imagegen.observability.metrics.sharing import is_shared


class Metrics:
    """The metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        disable_created_metrics()  # they would double the number of series to say when the process started
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._http = HttpInstruments(self.registry)
        self._jobs = JobInstruments(self.registry)
        self._queue = QueueInstruments(self.registry)
        self._upstream = UpstreamInstruments(self.registry)
        self._process = ProcessInstruments(self.registry)
        self._lanes: set[str] = set()
        self._catalog: str | None = None
        self._process.build.labels(imagegen.__version__).set(1)
        self.set_job_gauges()

    def request_in_flight(self) -> AbstractContextManager[None]:
        """Count a request as in progress while the block runs."""
        return self._http.requests_open.track_inprogress()

    def request_finished(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that got a response. Method and route are of a known set, whatever the caller sent."""
        self._http.requests.labels(method, route, status).inc()
        self._http.request_seconds.labels(method, route).observe(seconds)

    def set_requests_waiting(self, count: int) -> None:
        """Set how many requests hold a slot to wait for a job."""
        self._http.requests_waiting.set(count)

    def set_streams_open(self, count: int) -> None:
        """Set how many event streams are open."""
        self._http.streams_open.set(count)

    def set_downloads_open(self, count: int) -> None:
        """Set how many images are being sent to callers."""
        self._http.downloads_open.set(count)

    def slow_reader_cut(self) -> None:
        """Count a reader of an image whose connection was ended because it was too slow."""
        self._http.slow_readers.inc()

    def job_accepted(self, model: str) -> None:
        """Count a job that was accepted."""
        self._jobs.accepted.labels(model).inc()

    def rate_exhausted(self, limit: RateName) -> None:
        """Count a request that a rate refused."""
        self._jobs.rates_exhausted.labels(limit).inc()

    def budget_exceeded(self) -> None:
        """Count a request that budgets refused."""
        self._jobs.budgets_exceeded.inc()

    def budget_drifted(self) -> None:
        """Count a period of a budget whose counters differed from the jobs."""
        self._jobs.budget_drift.inc()

    def job_in_flight(self) -> AbstractContextManager[None]:
        """Count a job as in flight while the block runs."""
        return self._jobs.in_flight.track_inprogress()

    def set_job_slots(self, count: int) -> None:
        """Set how many jobs this process works on at most."""
        self._jobs.job_slots.set(count)

    def job_ended(self, job: Job) -> None:
        """Count an ended job. Only the process that stored the end calls this, so that each end counts once.

        The times come from the job's document, so it does not matter how many runners worked on it.
        """
        code = job.error.code if job.error else ""
        self._jobs.ended.labels(job.model, job.status.value, code).inc()
        self._jobs.charged.labels(job.model).inc(float(job.cost.total_cost))
        if job.cost.provider_cost:
            self._jobs.provider_cost.labels(job.model).inc(float(job.cost.provider_cost))
        for stage, (begin, end) in _stages(job).items():
            if begin is not None and end is not None:
                self._jobs.stage_seconds.labels(stage).observe(max(0.0, (end - begin).total_seconds()))

    def job_revived(self) -> None:
        """Count a failed job that continues."""
        self._jobs.revived.inc()

    def step_retried(self, what: Step) -> None:
        """Count a retry."""
        self._jobs.retries.labels(what).inc()

    def lease_lost(self) -> None:
        """Count a job that another runner took over while this process worked on it."""
        self._jobs.leases_lost.inc()

    def message_redelivered(self) -> None:
        """Count a message that had been taken before."""
        self._queue.redeliveries.inc()

    def upstream_request(self, server: Upstream, operation: str, outcome: UpstreamOutcome, seconds: float) -> None:
        """Count and time a request to another server."""
        self._upstream.upstream.labels(server, operation, outcome).inc()
        self._upstream.upstream_seconds.labels(server, operation).observe(seconds)

    def add_transferred_bytes(self, direction: Direction, size: int) -> None:
        """Count bytes of an image that were moved."""
        self._upstream.transferred.labels(direction).inc(size)

    def webhook_attempted(self, outcome: str, *, given_up: bool) -> None:
        """Count an attempt at a caller's webhook; `given_up` if there will be no other one although it failed."""
        self._upstream.deliveries.labels(outcome).inc()
        self._upstream.given_up.inc(given_up)

    def set_server_up(self, server: Server, *, up: bool) -> None:
        """Set whether a server responds."""
        self._upstream.server_up.labels(server).set(up)

    def set_queue_depth(self, lanes: Mapping[str, int]) -> None:
        """Set how many messages wait in each lane. A lane that is not given is unknown: not shown, or NaN."""
        if is_shared():  # a label cannot be removed from the files
            for unknown in self._lanes - lanes.keys():
                self._queue.queued.labels(unknown).set(math.nan)
            self._lanes.update(lanes)
        else:
            self._queue.queued.clear()
        for lane, count in lanes.items():
            self._queue.queued.labels(lane).set(count)

    def set_job_gauges(
        self, *, oldest: float = math.nan, unknown: float = math.nan, attention: float = math.nan
    ) -> None:
        """Set the gauges about the jobs of all processes; NaN for what is unknown at the moment.

        Args:
            oldest: age in seconds of the oldest job that no runner has taken yet.
            unknown: number of running jobs whose submission outcome is unknown.
            attention: number of jobs that an operator must look at.
        """
        self._queue.oldest.set(oldest)
        self._queue.unknown_submissions.set(unknown)
        self._queue.attention.set(attention)

    def set_catalog(self, sha256: str) -> None:
        """Set which catalog this process uses."""
        if not is_shared():
            self._process.catalog.clear()
        elif self._catalog is not None:  # a label cannot be removed from the files
            self._process.catalog.labels(self._catalog).set(0)
        self._catalog = sha256
        self._process.catalog.labels(sha256).set(1)

    def set_catalog_differing(self, processes: int) -> None:
        """Set how many other processes use another catalog."""
        self._process.catalog_differing.set(processes)

    def observe_event_loop_lag(self, seconds: float) -> None:
        """Record by how much a timer of the event loop was late."""
        self._process.lag.observe(seconds)

    def set_event_loop_tasks(self, tasks: int) -> None:
        """Set how many tasks the event loop has."""
        self._process.tasks.set(tasks)


def _stages(job: Job) -> Mapping[Stage, tuple[datetime | None, datetime | None]]:
    """When each stage of an ended job began and ended; None if that is unknown.

    Without a report that fal began, the whole time at fal counts as generating. An unfinished job has no last stages.
    """
    intended, completed = job.submission.intended_at, job.status is JobStatus.COMPLETED
    return {
        "queue": (job.created_at, job.started_at),
        "fal_queue": (intended, job.generating_at),
        "generate": (job.generating_at or intended, job.result_at),
        "transfer": (job.result_at, job.completed_at if completed else None),
        "total": (job.created_at, job.completed_at if completed else None),
    }
