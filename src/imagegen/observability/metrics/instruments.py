"""All metrics with their names, labels and help texts. In docs/operations.md, each row begins with the help text.

No label value comes from a caller, except the name of a model, which the catalog bounds.
"""

from functools import partial
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_REQUEST_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_STAGE_SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)
_UPSTREAM_SECONDS: Final = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_LAG_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)


class HttpInstruments:
    """Requests to this service and their responses."""

    def __init__(self, registry: CollectorRegistry) -> None:
        counter, gauge, _, histogram = _factories(registry)
        request = ["method", "route"]
        self.requests = counter("http_requests", "Requests that got a response.", [*request, "status"])
        self.request_seconds = histogram(
            "http_request_duration_seconds",
            "From a request to the end of its response.",
            request,
            buckets=_REQUEST_SECONDS,
        )
        self.requests_open = gauge("http_requests_in_flight", "Requests in progress.")
        self.requests_waiting = gauge("http_requests_waiting", "Requests that hold a slot to wait for a job.")
        self.streams_open = gauge("http_streams_open", "Open event streams.")
        self.downloads_open = gauge("http_downloads_open", "Images that the service is sending.")
        self.slow_readers = counter(
            "http_slow_readers_cut", "Readers of images whose connections were ended because they were too slow."
        )


class JobInstruments:
    """Jobs and their cost."""

    def __init__(self, registry: CollectorRegistry) -> None:
        counter, gauge, _, histogram = _factories(registry)
        self.accepted = counter("jobs_accepted", "Jobs that were accepted.", ["model"])
        self.rates_exhausted = counter(
            "rate_refusals", "Requests for jobs that a rate or a limit on open jobs refused.", ["limit"]
        )
        self.budgets_exceeded = counter("budget_refusals", "Requests for jobs that budgets refused.")
        self.budget_drift = counter(
            "budget_drift",
            "Periods of budgets, or limits on open jobs, whose counters differed from the jobs, and were corrected.",
        )
        self.ended = counter(
            "jobs_ended",
            "Ended jobs, each counted once, by the process that stored the end.",
            ["model", "status", "code"],
        )
        self.revived = counter("jobs_revived", "Jobs that had failed as submission_unknown and continued.")
        self.stage_seconds = histogram(
            "job_stage_seconds", "How long ended jobs were in each stage.", ["stage"], buckets=_STAGE_SECONDS
        )
        self.in_flight = gauge("jobs_in_flight", "Jobs that this process is working on.")
        self.job_slots = gauge("job_places", "Limit of imagegen_jobs_in_flight.")
        self.charged = counter("charged_dollars", "What callers are charged, in US dollars.", ["model"])
        self.provider_cost = counter(
            "provider_cost_dollars", "What fal billed for ended jobs, in US dollars, as far as known.", ["model"]
        )
        self.retries = counter("retries", "Steps that were retried.", ["what"])
        self.leases_lost = counter(
            "leases_lost", "Jobs that another runner took over while this process worked on them."
        )


class QueueInstruments:
    """What waits, in the queue and at fal."""

    def __init__(self, registry: CollectorRegistry) -> None:
        counter, _, state, _ = _factories(registry)
        self.queued = state("queue_messages", "Messages that wait in a lane of the queue.", ["lane"])
        self.oldest = state("queue_oldest_seconds", "Age of the oldest job that no runner has taken yet.")
        self.redeliveries = counter("redeliveries", "Messages that were taken again.")
        self.unknown_submissions = state("submissions_unknown", "Running jobs whose submission outcome is unknown.")
        self.attention = state("jobs_needing_attention", "Jobs that an operator must look at.")


class UpstreamInstruments:
    """The servers that this process calls."""

    def __init__(self, registry: CollectorRegistry) -> None:
        counter, _, state, histogram = _factories(registry)
        upstream = ["server", "operation"]
        self.upstream = counter("upstream_requests", "Requests to fal, media and s3.", [*upstream, "outcome"])
        self.upstream_seconds = histogram(
            "upstream_request_duration_seconds",
            "From a request to the head of its response.",
            upstream,
            buckets=_UPSTREAM_SECONDS,
        )
        self.server_up = state("server_up", "1 if the server responded within two seconds, otherwise 0.", ["server"])
        self.transferred = counter("transferred_bytes", "Bytes of images.", ["direction"])
        self.deliveries = counter("webhook_deliveries", "Attempts to deliver callers' webhooks.", ["outcome"])
        self.given_up = counter(
            "webhook_deliveries_given_up",
            "Deliveries that will not be retried although the receiver never accepted them.",
        )


class ProcessInstruments:
    """The process itself."""

    def __init__(self, registry: CollectorRegistry) -> None:
        _, gauge, state, histogram = _factories(registry)
        most = partial(Gauge, namespace="imagegen", registry=registry, multiprocess_mode="livemax")
        self.build = state("build_info", "Always 1.", ["version"])
        self.catalog = most("catalog_info", "1 for the catalog in use.", ["sha256"])
        self.catalog_differing = most("catalog_differing", "Other processes that use another catalog.")
        self.tasks = gauge("event_loop_tasks", "Tasks of asyncio.")
        self.lag = histogram(
            "event_loop_lag_seconds", "How late the event loop was, measured twice a second.", buckets=_LAG_SECONDS
        )


def _factories(
    registry: CollectorRegistry,
) -> tuple[partial[Counter], partial[Gauge], partial[Gauge], partial[Histogram]]:
    """Counters, gauges of one process, gauges of what all processes share, histograms.

    Where several processes are one service, the first kind of gauge is summed; of the second, the last value counts.
    """
    names = {"namespace": "imagegen", "registry": registry}
    gauge, state = (partial(Gauge, **names, multiprocess_mode=mode) for mode in ("livesum", "livemostrecent"))
    return partial(Counter, **names), gauge, state, partial(Histogram, **names)
