"""A sender that counts and times its requests."""

import time
from collections.abc import Callable

from imagegen.net.http import Incoming, Request, Sender
from imagegen.observability.metrics import Metrics, UpstreamOutcome, outcome_of
from imagegen.observability.metrics.label_values import Upstream


class MeasuredSender:
    """Wraps another sender.

    A request ends with the head of its response: how long a body takes depends on its reader.

    Args:
        sender: sends the requests.
        metrics: counts them.
        server: their destination, as a label.
        operation_of: the label for what a request is about, one of a few values.
    """

    def __init__(
        self, sender: Sender, metrics: Metrics, server: Upstream, operation_of: Callable[[Request], str]
    ) -> None:
        self._sender, self._metrics = sender, metrics
        self._server: Upstream = server
        self._operation_of = operation_of

    async def send(self, request: Request) -> Incoming:
        """Send a request, as `Sender.send` describes."""
        operation, began = self._operation_of(request), time.perf_counter()
        outcome: UpstreamOutcome = "unanswered"
        try:
            incoming = await self._sender.send(request)
            outcome = outcome_of(incoming.status_code)
        finally:
            self._metrics.upstream_request(self._server, operation, outcome, time.perf_counter() - began)
        return incoming
