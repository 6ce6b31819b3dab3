"""Whether a response reached its caller, as far as TCP can tell.

A response is delivered once the peer has acknowledged its last byte and then stays for 250 ms, asks for something else,
or closes in order. It is lost if the connection breaks before, is reset, or is closed with bytes on the way.
"""

import asyncio
import os
import socket
import struct
from collections.abc import Generator
from contextlib import contextmanager, suppress
from enum import Enum, auto
from fcntl import ioctl
from termios import TIOCOUTQ
from typing import Any, Final, Protocol

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

CONNECTION: Final = "imagegen.connection"  # the key of the `Connection` in the scope of a request
_NO_LINGERING: Final = struct.pack("ii", 1, 0)  # close() resets the connection
_STAYS: Final = 0.25  # seconds
_LONGEST: Final = 60.0  # seconds in which a peer must have acknowledged the last byte


class Waiting(Protocol):
    """Who is told, once, what became of a response. The calls must not block."""

    def delivered(self) -> None:
        """It reached its caller."""

    def lost(self) -> None:
        """It was not made, or did not reach its caller."""


class _State(Enum):
    WAITING = auto()
    SENT = auto()
    TOLD = auto()


class Delivery:
    """Watches one response, from before it is made.

    Args:
        waiting: is told.
        connection: that of the request; None if the server tells nothing of it.
    """

    def __init__(self, waiting: Waiting, connection: "Connection | None") -> None:
        self._waiting, self._connection = waiting, connection
        self._state = _State.WAITING
        self._timer: asyncio.TimerHandle | None = None
        self._sent_at = 0.0
        if connection is not None:
            connection.watch(self)

    def sent(self) -> None:
        """The whole response was handed to the connection. Call it before anything else is awaited."""
        if self._state is not _State.WAITING:
            return
        self._state = _State.SENT
        if self._connection is None:
            self.end(delivered=True)
            return
        self._sent_at = asyncio.get_running_loop().time()
        self._connection.outlive_close()
        self._look_later()

    def failed(self) -> None:
        """No response was made, or it broke off."""
        if self._state is _State.WAITING:
            self.end(delivered=False)

    def closed(self, *, in_order: bool) -> None:
        """The connection has ended; `in_order` if the peer closed it with every byte acknowledged."""
        self.end(delivered=in_order and self._state is _State.SENT)

    def next_request(self) -> None:
        """The peer asks for something else on the same connection."""
        if self._state is _State.SENT:
            self.end(delivered=True)

    def end(self, *, delivered: bool) -> None:
        """Tell the outcome, once."""
        if self._state is _State.TOLD:
            return
        self._state = _State.TOLD
        if self._timer is not None:
            self._timer.cancel()
        if self._connection is not None:
            self._connection.unwatch(self)
        if delivered:
            self._waiting.delivered()
        else:
            self._waiting.lost()

    def _look_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(_STAYS, self._look)

    def _look(self) -> None:
        assert self._connection is not None
        if self._connection.is_acknowledged:
            self.end(delivered=True)
        elif asyncio.get_running_loop().time() - self._sent_at > _LONGEST:
            self.end(delivered=False)
        else:
            self._look_later()


class Connection:
    """What deliveries need to know of a connection. The protocol tells it what happens."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._watching: set[Delivery] = set()
        self._socket: socket.socket | None = None
        self._is_lost = False

    @property
    def is_acknowledged(self) -> bool:
        """Whether the peer has acknowledged every byte."""
        if self._socket is not None:
            return self._is_lost and _unacknowledged(self._socket) == 0
        if self._is_lost or self._transport.get_write_buffer_size():
            return False
        return _unacknowledged(self._transport.get_extra_info("socket")) == 0

    def watch(self, delivery: Delivery) -> None:
        """Tell this delivery how the connection ends."""
        if self._is_lost or self._transport.is_closing():
            asyncio.get_running_loop().call_soon(lambda: delivery.closed(in_order=False))
        self._watching.add(delivery)

    def unwatch(self, delivery: Delivery) -> None:
        """Tell it no more."""
        self._watching.discard(delivery)
        if not self._watching:
            self._forget_socket()

    def outlive_close(self) -> None:
        """If the connection is being closed from this side, keep its socket until the peer has everything."""
        if self._socket is None and not self._is_lost and self._transport.is_closing():
            with suppress(OSError):
                self._socket = socket.socket(fileno=os.dup(self._transport.get_extra_info("socket").fileno()))

    def abort(self) -> None:
        """Reset the connection at once, and free what the kernel has not sent either.

        So nobody takes what was sent for a whole response.
        """
        connection: socket.socket | None = self._transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGERING)
        self._transport.abort()

    def peer_closed(self) -> None:
        """The peer has closed its side."""
        self._end_all(in_order=self.is_acknowledged)

    def next_request(self) -> None:
        """The peer has sent another request."""
        for delivery in tuple(self._watching):
            delivery.next_request()

    def lost(self, error: Exception | None) -> None:
        """The connection has ended, from either side."""
        in_order = error is None and self.is_acknowledged
        self._is_lost = True
        if self._socket is not None and error is None:
            self._close_duplicate()
        else:
            self._end_all(in_order=in_order)

    def _close_duplicate(self) -> None:
        """Send the end of the stream, which closing one of two descriptors does not, and wait for the peer's."""
        assert self._socket is not None
        self._socket.settimeout(0)
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        asyncio.get_running_loop().add_reader(self._socket, self._read_duplicate)

    def _read_duplicate(self) -> None:
        assert self._socket is not None
        try:
            more = self._socket.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            self._end_all(in_order=False)
            return
        if not more:
            self._end_all(in_order=_unacknowledged(self._socket) == 0)

    def _end_all(self, *, in_order: bool) -> None:
        for delivery in tuple(self._watching):
            delivery.closed(in_order=in_order)

    def _forget_socket(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None


def delivery_of(scope: Scope, waiting: Waiting) -> Delivery:
    """Watch the response to a request. Where the server tells nothing of its connection, what is sent is delivered."""
    return Delivery(waiting, scope.get(CONNECTION))


@contextmanager
def failing(delivery: Delivery) -> Generator[Delivery]:
    """If the block raises, there is no response that could be delivered."""
    try:
        yield delivery
    except BaseException:
        delivery.failed()
        raise


class WatchedResponse(Response):
    """A response whose delivery is watched."""

    def __init__(self, response: Response, delivery: Delivery) -> None:
        super().__init__(status_code=response.status_code)
        self._response, self._delivery = response, delivery

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response."""
        with failing(self._delivery):
            await self._response(scope, receive, send)
        self._delivery.sent()


def break_off(scope: Scope) -> None:
    """End the response to a request before its end."""
    connection: Connection | None = scope.get(CONNECTION)
    if connection is None:
        raise ConnectionAbortedError
    connection.abort()


def _unacknowledged(connection: Any) -> int:
    """Bytes that the kernel still keeps for the peer; 0 where it does not tell."""
    try:
        return struct.unpack("i", ioctl(connection.fileno(), TIOCOUTQ, bytes(4)))[0]
    except OSError:
        return 0
