"""Limits of a connection before there is a request: the size of the headers, and the time for them to arrive.

uvicorn's httptools protocol has neither limit: an endless header would fill the memory, and a silent connection would
never be closed. Its own refusals are plain text; these are problems.
"""

import asyncio
import json
import struct
from functools import partial
from http import HTTPStatus
from typing import Any, Final, NoReturn, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from imagegen.api.http.delivery import CONNECTION, Connection
from imagegen.api.http.metric_labels import UNKNOWN_ROUTE, UNNAMED_METHOD
from imagegen.api.http.problems import PROBLEM_JSON, problem
from imagegen.api.http.request_ids import HEADER
from imagegen.settings import LimitSettings

_NO_LINGERING: Final = struct.pack("ii", 1, 0)
_PER_HEADER: Final = 4  # the colon, the space and the line's end
_MOST_LINES: Final = 256
_MOST_PIPELINED: Final = 64
_TOO_MANY: Final = (
    HTTPStatus.SERVICE_UNAVAILABLE,
    "too_many_connections",
    "Too many connections are open (IMAGEGEN_MAX_CONNECTIONS). Try again.",
)
_UNREADABLE: Final = (HTTPStatus.BAD_REQUEST, "malformed_request", "This is not an HTTP request.")


def http_protocol(limits: LimitSettings, *, most: int | None = None) -> Any:
    """The class of connections, for uvicorn's `http`. At most `most` may be open, by default the settings' limit."""
    return partial(LimitedProtocol, limits=limits, most=limits.max_connections if most is None else most)


class LimitedProtocol(HttpToolsProtocol):
    """One connection. Its headers are limited in size (431) and in time (408)."""

    def __init__(self, *args: Any, limits: LimitSettings, most: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._limits, self._most = limits, most
        self._began, self._in_head, self._in_body = False, True, False
        self._unfinished_bytes = self._head_bytes = self._head_lines = 0
        self._timer: asyncio.TimerHandle | None = None
        self._waiting_since = self.loop.time()
        self._refusal = _UNREADABLE

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] - as in uvicorn
        """Start to wait for a request."""
        super().connection_made(transport)
        self._connection = Connection(transport)
        if len(self.connections) > self._most:
            self._refuse(*_TOO_MANY)
        else:
            self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer of a closed connection."""
        self._stop_timer()
        super().connection_lost(exc)
        self._connection.lost(exc)

    def eof_received(self) -> None:
        """The peer has closed its side; the transport closes the other."""
        self._connection.peer_closed()

    def data_received(self, data: bytes) -> None:
        """Count the bytes of a header that is not complete yet."""
        continues = self._began and self._in_head
        super().data_received(data)
        if continues and self._in_head and not self.transport.is_closing():
            self._unfinished_bytes += len(data)
            if self._unfinished_bytes > self._limits.max_header_bytes:
                self._refuse(*self._too_large())

    def on_message_begin(self) -> None:
        """Start a request."""
        super().on_message_begin()
        cast("dict[str, object]", self.scope)[CONNECTION] = self._connection
        self._connection.next_request()
        self._began, self._in_head, self._unfinished_bytes, self._head_bytes = True, True, 0, 0
        self._head_lines = 0
        self._start_timer()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count one header."""
        super().on_header(name, value)
        self._head_lines += 1
        self._head_bytes += len(name) + len(value) + _PER_HEADER
        if (
            self._head_bytes > self._limits.max_header_bytes or self._head_lines > _MOST_LINES
        ):  # trailers of a chunked body count too
            self._stop_parsing()

    def on_headers_complete(self) -> None:
        """Pass the request on, unless its headers are too large."""
        self._stop_timer()
        self._in_head, self._in_body = False, True
        if len(self.url) + self._head_bytes > self._limits.max_header_bytes:
            self._stop_parsing()
        super().on_headers_complete()
        if len(self.pipeline) > _MOST_PIPELINED:
            self._stop_parsing()

    def on_message_complete(self) -> None:
        """End a request."""
        self._stop_timer()
        self._began = self._in_body = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Limit the time for a body that continues after the response."""
        super().on_response_complete()
        if self._in_body:
            self._start_timer()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's text, replaced by a problem
        """Refuse what the parser could not read."""
        self._refuse(*self._refusal)

    def _start_timer(self) -> None:
        self._stop_timer()
        self._waiting_since = self.loop.time()
        self._timer = self.loop.call_later(self._limits.receive_timeout.total_seconds(), self._time_out)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _time_out(self) -> None:
        if not self._began or self._in_body:
            self.transport.close()
            return
        seconds = self._limits.receive_timeout.total_seconds()
        detail = f"The headers did not arrive within {seconds:g} s (IMAGEGEN_RECEIVE_TIMEOUT)."
        self._refuse(HTTPStatus.REQUEST_TIMEOUT, "request_timeout", detail)

    def _stop_parsing(self) -> NoReturn:
        """Raise an error, which the parser turns into its own; uvicorn then calls send_400_response."""
        self._refusal = self._too_large()
        raise ValueError(self._refusal[1])

    def _too_large(self) -> tuple[HTTPStatus, str, str]:
        most = f"{self._limits.max_header_bytes} bytes, the limit of this service (IMAGEGEN_MAX_HEADER_BYTES)"
        detail = f"The request line and the headers have more than {most}, or more than {_MOST_LINES} lines."
        return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large", detail

    def _may_answer(self) -> bool:
        """Whether no response is being sent. If a body breaks off, the refusal replaces the response to its request."""
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if cycle is None or cycle.response_complete:
            return True
        if not self._in_body or cycle.response_started or self.pipeline:
            return False
        cycle.disconnected = True  # the application's response to the broken request is dropped
        cycle.message_event.set()
        return True

    def _refuse(self, status: HTTPStatus, code: str, detail: str) -> None:
        """Send a problem and count it without the application, unless a response is being sent on this connection."""
        if self._may_answer():
            response = problem(status, code, detail)
            body = bytes(response.body)
            head = {
                "content-type": PROBLEM_JSON,
                "content-length": str(len(body)),
                HEADER.lower(): json.loads(body)["requestId"],
                "connection": "close",
                "x-content-type-options": "nosniff",
                **({"retry-after": "5"} if status is HTTPStatus.SERVICE_UNAVAILABLE else {}),
            }
            lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
            self.transport.write(f"HTTP/1.1 {status.value} {status.phrase}\r\n{lines}\r\n".encode() + body)
            seconds = self.loop.time() - self._waiting_since
            self.app_state["services"].metrics.request_finished(UNNAMED_METHOD, UNKNOWN_ROUTE, status, seconds)
        self.transport.close()
