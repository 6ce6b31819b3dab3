"""How a connection may be used before there is a request: the size of the headers, and the time for them.

uvicorn's httptools protocol knows neither limit: one header without an end would fill the memory, and a connection
that says nothing would stay for ever. Its own refusals are plain text; these are problems.
"""

import asyncio
import json
from functools import partial
from http import HTTPStatus
from typing import Any, Final, NoReturn, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from imagegen.api.errors import PROBLEM_JSON, problem
from imagegen.api.measuring import count_unread
from imagegen.api.request_ids import HEADER
from imagegen.settings import LimitSettings

_PER_HEADER: Final = 4  # the colon, the space and the line's end
_MOST_LINES: Final = 256
_MOST_PIPELINED: Final = 64
_TOO_MANY: Final = (
    HTTPStatus.SERVICE_UNAVAILABLE,
    "too_many_connections",
    "As many connections are open as this service takes (IMAGEGEN_MAX_CONNECTIONS). Try again.",
)
_UNREADABLE: Final = (HTTPStatus.BAD_REQUEST, "malformed_request", "This is no HTTP request.")


def http_protocol(limits: LimitSettings, *, most: int | None = None) -> Any:
    """The class of connections, for uvicorn's `http`; `most` of them at once, or as many as the settings allow."""
    return partial(LimitedProtocol, limits=limits, most=limits.max_connections if most is None else most)


class LimitedProtocol(HttpToolsProtocol):
    """One connection: at most so many bytes of headers (431), within so much time (408)."""

    def __init__(self, *args: Any, limits: LimitSettings, most: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._limits, self._most = limits, most
        self._began, self._in_head, self._in_body = False, True, False
        self._unfinished_bytes = self._head_bytes = self._head_lines = 0
        self._timer: asyncio.TimerHandle | None = None
        self._waiting_since = self.loop.time()
        self._refusal = _UNREADABLE

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] - as uvicorn has it
        """Begin to wait for a request."""
        super().connection_made(transport)
        if len(self.connections) > self._most:
            self._refuse(*_TOO_MANY)
        else:
            self._within_the_timeout()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._in_time()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what belongs to a header that has not ended yet."""
        went_on = self._began and self._in_head
        super().data_received(data)
        if went_on and self._in_head and not self.transport.is_closing():
            self._unfinished_bytes += len(data)
            if self._unfinished_bytes > self._limits.max_header_bytes:
                self._refuse(*self._too_large())

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._began, self._in_head, self._unfinished_bytes, self._head_bytes = True, True, 0, 0
        self._head_lines = 0
        self._within_the_timeout()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count one header."""
        super().on_header(name, value)
        self._head_lines += 1
        self._head_bytes += len(name) + len(value) + _PER_HEADER
        if (
            self._head_bytes > self._limits.max_header_bytes or self._head_lines > _MOST_LINES
        ):  # also of a chunked body's trailers
            self._stop_parsing()

    def on_headers_complete(self) -> None:
        """Hand the request on, unless its headers are too large."""
        self._in_time()
        self._in_head, self._in_body = False, True
        if len(self.url) + self._head_bytes > self._limits.max_header_bytes:
            self._stop_parsing()
        super().on_headers_complete()
        if len(self.pipeline) > _MOST_PIPELINED:
            self._stop_parsing()

    def on_message_complete(self) -> None:
        """End a request."""
        self._in_time()
        self._began = self._in_body = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """A body that goes on after its answer is not waited for without end."""
        super().on_response_complete()
        if self._in_body:
            self._within_the_timeout()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words, for which ours stand
        """Answer what the parser could not read."""
        self._refuse(*self._refusal)

    def _within_the_timeout(self) -> None:
        self._in_time()
        self._waiting_since = self.loop.time()
        self._timer = self.loop.call_later(self._limits.receive_timeout.total_seconds(), self._out_of_time)

    def _in_time(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _out_of_time(self) -> None:
        if not self._began or self._in_body:
            self.transport.close()
            return
        seconds = self._limits.receive_timeout.total_seconds()
        detail = f"The headers did not arrive within {seconds:g} s (IMAGEGEN_RECEIVE_TIMEOUT)."
        self._refuse(HTTPStatus.REQUEST_TIMEOUT, "request_timeout", detail)

    def _stop_parsing(self) -> NoReturn:
        """The parser makes an error of its own of any error here, and uvicorn then calls send_400_response."""
        self._refusal = self._too_large()
        raise ValueError(self._refusal[1])

    def _too_large(self) -> tuple[HTTPStatus, str, str]:
        most = f"{self._limits.max_header_bytes} bytes, the limit of this service (IMAGEGEN_MAX_HEADER_BYTES)"
        detail = f"The request line and the headers are larger than {most}, or more than {_MOST_LINES} lines."
        return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large", detail

    def _may_answer(self) -> bool:
        """Whether nothing is being sent. A body that breaks off in its middle is refused in its request's place."""
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if cycle is None or cycle.response_complete:
            return True
        if not self._in_body or cycle.response_started or self.pipeline:
            return False
        cycle.disconnected = True  # what the application answers to the broken request goes nowhere
        cycle.message_event.set()
        return True

    def _refuse(self, status: HTTPStatus, code: str, detail: str) -> None:
        """Answer and count without the application, unless a request of this connection is being answered."""
        if self._may_answer():
            answer = problem(status, code, detail)
            body = bytes(answer.body)
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
            count_unread(self.app_state["services"].metrics, status, self.loop.time() - self._waiting_since)
        self.transport.close()
