"""The metrics of a process. Only this package imports prometheus-client."""

from imagegen.observability.metrics.catalog_check import write_catalog_check
from imagegen.observability.metrics.event_loop import watch_event_loop
from imagegen.observability.metrics.exposition import exposition
from imagegen.observability.metrics.label_values import Server, UpstreamOutcome
from imagegen.observability.metrics.metrics import Metrics
from imagegen.observability.metrics.outcomes import outcome_of
from imagegen.observability.metrics.sharing import METRICS_DIRECTORY, discard_shared, forget_process

__all__ = [
    "METRICS_DIRECTORY",
    "Metrics",
    "Server",
    "UpstreamOutcome",
    "discard_shared",
    "exposition",
    "forget_process",
    "outcome_of",
    "watch_event_loop",
    "write_catalog_check",
]
