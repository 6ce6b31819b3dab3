"""A transport of httpx that counts what passes through it."""

import time
from collections.abc import Callable
from http import HTTPStatus

import httpx
from typing_extensions import override

from imagegen.metrics.metrics import Metrics
from imagegen.metrics.vocabulary import Answer, Upstream


class MeasuredTransport(httpx.AsyncBaseTransport):
    """Another transport, whose requests are counted; it is never closed from here.

    A request takes until the head of its answer is there: how long a body takes is up to whoever reads it.

    Args:
        transport: makes the requests.
        metrics: told of each.
        server: whom they go to.
        operation_of: what a request is about, in one of a few words.
    """

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport,
        metrics: Metrics,
        server: Upstream,
        operation_of: Callable[[httpx.Request], str],
    ) -> None:
        self._transport, self._metrics = transport, metrics
        self._server: Upstream = server
        self._operation_of = operation_of

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        operation, began = self._operation_of(request), time.perf_counter()
        outcome: Answer = "unanswered"
        try:
            response = await self._transport.handle_async_request(request)
            outcome = outcome_of(response.status_code)
        finally:
            self._metrics.upstream(self._server, operation, outcome, time.perf_counter() - began)
        return response

    @override
    async def aclose(self) -> None:
        """Leave the transport open: it is shared."""


def outcome_of(status: int) -> Answer:
    """What an answer says of a request, in a word."""
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "throttled"
    if httpx.codes.is_client_error(status):
        return "refused"
    return "failed" if httpx.codes.is_server_error(status) else "ok"
