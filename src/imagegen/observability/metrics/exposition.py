"""The text that Prometheus scrapes: of this process, or of all that are one service with it."""

from prometheus_client.exposition import choose_encoder

from imagegen.observability.metrics.metrics import Metrics
from imagegen.observability.metrics.sharing import is_shared, registry_of_all


def exposition(metrics: Metrics, accept: str) -> tuple[bytes, str]:
    """The metrics and their content type: OpenMetrics if `accept` allows it, otherwise Prometheus's own text.

    Blocks, because it reads facts about the process from files: call it in a thread. Several processes that
    are one service leave those facts out.
    """
    encode, content_type = choose_encoder(accept)
    return encode(registry_of_all() if is_shared() else metrics.registry), content_type
