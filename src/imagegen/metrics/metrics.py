"""The verbs by which the rest of the process counts: each costs microseconds, waits for nothing and never fails."""

import math
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import datetime

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

import imagegen
from imagegen.jobs import Job, JobStatus
from imagegen.metrics.instruments import Instruments
from imagegen.metrics.vocabulary import Answer, Direction, Server, Stage, Step, Upstream


class Metrics:
    """What one process counts, in a registry of its own."""

    def __init__(self) -> None:
        disable_created_metrics()  # they would double the number of series, and say when this process began
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._of = Instruments(self.registry)
        self._of.build.labels(imagegen.__version__).set(1)
        self.jobs_stand()

    @contextmanager
    def answering(self) -> Generator[None]:
        """A request is being answered while the body runs."""
        with self._of.requests_open.track_inprogress():
            yield

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered. Method and route are of a known set, whatever the caller sent."""
        self._of.requests.labels(method, route, status).inc()
        self._of.request_seconds.labels(method, route).observe(seconds)

    def requests_waiting(self, count: int) -> None:
        """So many requests hold a place to wait for a job."""
        self._of.requests_waiting.set(count)

    def streams_open(self, count: int) -> None:
        """So many event streams are open."""
        self._of.streams_open.set(count)

    def job_accepted(self, model: str) -> None:
        """A job was stored."""
        self._of.accepted.labels(model).inc()

    @contextmanager
    def job_in_flight(self) -> Generator[None]:
        """This process is at work on one job more while the body runs."""
        with self._of.in_flight.track_inprogress():
            yield

    def places(self, count: int) -> None:
        """This process can be at work on so many jobs at once."""
        self._of.places.set(count)

    def job_ended(self, job: Job) -> None:
        """A job's end was stored: for whoever stored it to say, so that each end counts once.

        The times are those that are stored with the job, so it does not matter how many runners had it.
        """
        code = job.error.code if job.error else ""
        self._of.ended.labels(job.model, job.status.value, code).inc()
        self._of.charged.labels(job.model).inc(float(job.cost.total_cost))
        if job.cost.provider_cost:
            self._of.provider_cost.labels(job.model).inc(float(job.cost.provider_cost))
        for stage, (begin, end) in _stages(job).items():
            if begin is not None and end is not None:
                self._of.stage_seconds.labels(stage).observe(max(0.0, (end - begin).total_seconds()))

    def job_revived(self) -> None:
        """A job that had failed goes on."""
        self._of.revived.inc()

    def retried(self, what: Step) -> None:
        """A step is tried again."""
        self._of.retries.labels(what).inc()

    def lease_lost(self) -> None:
        """A job passed to another runner while this process was at work on it."""
        self._of.leases_lost.inc()

    def redelivered(self) -> None:
        """A message was taken that had been taken before."""
        self._of.redeliveries.inc()

    def upstream(self, server: Upstream, operation: str, outcome: Answer, seconds: float) -> None:
        """Another server was asked."""
        self._of.upstream.labels(server, operation, outcome).inc()
        self._of.upstream_seconds.labels(server, operation).observe(seconds)

    def transferred(self, direction: Direction, size: int) -> None:
        """So many bytes of a picture were moved."""
        self._of.transferred.labels(direction).inc(size)

    def webhook_attempted(self, outcome: str, *, given_up: bool) -> None:
        """A caller's webhook was tried; `given_up` says that it will not be tried again although it was not reached."""
        self._of.deliveries.labels(outcome).inc()
        self._of.given_up.inc(given_up)

    def server_is(self, server: Server, *, up: bool) -> None:
        """Whether a server answered just now."""
        self._of.server_up.labels(server).set(up)

    def queue_holds(self, lanes: Mapping[str, int]) -> None:
        """So many messages wait in each lane; of a lane that is not named, nobody can tell now."""
        self._of.queued.clear()
        for lane, count in lanes.items():
            self._of.queued.labels(lane).set(count)

    def jobs_stand(self, *, oldest: float = math.nan, unknown: float = math.nan, attention: float = math.nan) -> None:
        """How the jobs of all processes stand, each not a number where nobody can tell now.

        Args:
            oldest: age in seconds of the oldest that no runner has taken yet.
            unknown: those of which nobody knows whether fal has them.
            attention: those that need a person.
        """
        self._of.oldest.set(oldest)
        self._of.lost_submissions.set(unknown)
        self._of.attention.set(attention)

    def event_loop_was_late(self, seconds: float) -> None:
        """The event loop came back so much later than it was asked to."""
        self._of.lag.observe(seconds)

    def event_loop_has(self, tasks: int) -> None:
        """So many tasks are in the event loop."""
        self._of.tasks.set(tasks)


def _stages(job: Job) -> Mapping[Stage, tuple[datetime | None, datetime | None]]:
    """When each stage of an ended job began and ended, where both are known.

    What nobody was told of the beginning at fal counts as generating; what did not come to its end has none.
    """
    intended, completed = job.submission.intended_at, job.status is JobStatus.COMPLETED
    return {
        "queue": (job.created_at, job.started_at),
        "fal_queue": (intended, job.generating_at),
        "generate": (job.generating_at or intended, job.result_at),
        "transfer": (job.result_at, job.completed_at if completed else None),
        "total": (job.created_at, job.completed_at if completed else None),
    }
