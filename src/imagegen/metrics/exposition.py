"""The text that Prometheus reads."""

from prometheus_client.exposition import choose_encoder

from imagegen.metrics.metrics import Metrics


def exposition(metrics: Metrics, accept: str) -> tuple[bytes, str]:
    """The metrics and their content type: OpenMetrics for who accepts it, Prometheus's own text for anybody else.

    Blocks, for it reads about the process from files: it is for a thread.
    """
    encode, content_type = choose_encoder(accept)
    return encode(metrics.registry), content_type
