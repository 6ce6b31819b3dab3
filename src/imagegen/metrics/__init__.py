"""What a process counts for its operators: the only room that names prometheus-client."""

from imagegen.metrics.event_loop import watching_the_event_loop
from imagegen.metrics.exposition import exposition
from imagegen.metrics.metrics import Metrics
from imagegen.metrics.transport import MeasuredTransport, outcome_of
from imagegen.metrics.vocabulary import Answer, Server

__all__ = ["Answer", "MeasuredTransport", "Metrics", "Server", "exposition", "outcome_of", "watching_the_event_loop"]
