"""Every metric by its name, with its labels; docs/operations.md has the same table for those who read them.

No label's value comes from a caller, but for the name of a model, which the catalog bounds.
"""

from functools import partial
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_REQUEST_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_STAGE_SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)
_UPSTREAM_SECONDS: Final = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_LAG_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)


class Instruments:
    """The metrics themselves; `Metrics` has the verbs that move them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        counter = partial(Counter, namespace="imagegen", registry=registry)
        gauge = partial(Gauge, namespace="imagegen", registry=registry)
        histogram = partial(Histogram, namespace="imagegen", registry=registry)

        self.build = gauge("build_info", "Always 1.", ["version"])

        request = ["method", "route"]
        self.requests = counter("http_requests", "Requests that were answered.", [*request, "status"])
        self.request_seconds = histogram(
            "http_request_duration_seconds",
            "From a request to the end of its answer.",
            request,
            buckets=_REQUEST_SECONDS,
        )
        self.requests_open = gauge("http_requests_in_flight", "Requests that are being answered.")
        self.requests_waiting = gauge("http_requests_waiting", "Requests that hold a place to wait for a job.")
        self.streams_open = gauge("http_streams_open", "Event streams that are open.")

        self.accepted = counter("jobs_accepted", "Jobs that were stored.", ["model"])
        self.ended = counter("jobs_ended", "Jobs that ended.", ["model", "status", "code"])
        self.revived = counter(
            "jobs_revived", "Failed jobs that went on, for fal's id of their request came after all."
        )
        self.stage_seconds = histogram(
            "job_stage_seconds", "How long ended jobs were in each stage.", ["stage"], buckets=_STAGE_SECONDS
        )
        self.in_flight = gauge("jobs_in_flight", "Jobs that this process is at work on.")
        self.places = gauge("job_places", "Jobs that this process can be at work on at once.")
        self.charged = counter("charged_dollars", "What callers are charged.", ["model"])
        self.provider_cost = counter("provider_cost_dollars", "What fal.ai billed, as far as known.", ["model"])
        self.retries = counter("retries", "Steps that were tried again.", ["what"])
        self.leases_lost = counter("leases_lost", "Jobs that passed to another runner while this one was at work.")

        self.queued = gauge("queue_messages", "Messages that wait to be taken.", ["lane"])
        self.oldest = gauge("queue_oldest_seconds", "Age of the oldest job that no runner has taken yet.")
        self.redeliveries = counter("redeliveries", "Messages that were taken for the second time or more often.")
        self.lost_submissions = gauge("submissions_unknown", "Jobs of which nobody knows whether fal.ai has them.")
        self.attention = gauge("jobs_needing_attention", "Jobs that need a person.")

        upstream = ["server", "operation"]
        self.upstream = counter("upstream_requests", "Requests to other servers.", [*upstream, "outcome"])
        self.upstream_seconds = histogram(
            "upstream_request_duration_seconds", "From a request to its answer.", upstream, buckets=_UPSTREAM_SECONDS
        )
        self.server_up = gauge("server_up", "Whether the server answered when this was asked.", ["server"])
        self.transferred = counter("transferred_bytes", "Bytes of pictures.", ["direction"])

        self.deliveries = counter("webhook_deliveries", "Attempts to reach callers' webhooks.", ["outcome"])
        self.given_up = counter("webhook_deliveries_given_up", "Deliveries that will not be tried again.")

        self.tasks = gauge("event_loop_tasks", "Tasks of asyncio.")
        self.lag = histogram(
            "event_loop_lag_seconds", "How late the event loop was, twice a second.", buckets=_LAG_SECONDS
        )
