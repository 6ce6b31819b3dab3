"""Connections that can be cut: uvicorn's h11 protocol with its transport within the application's reach."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterable, Mapping
from typing import cast

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from imagegen.sandbox.faults import Ending


class CuttableProtocol(H11Protocol):
    """Puts the connection's transport into each request's state, where `cut` finds it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in H11Protocol
        """Remember the transport for every request of this connection."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


def transport_of(scope: Scope) -> asyncio.Transport:
    """The transport of the connection that the request came over."""
    return cast("asyncio.Transport", scope["state"]["transport"])


def cut(scope: Scope, how: Ending) -> None:
    """End the connection: `close` sends what was written and a FIN, `reset` discards it and sends a RST."""
    transport = transport_of(scope)
    if how == "close":
        transport.close()
        return
    connection = cast("socket.socket", transport.get_extra_info("socket"))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


class NoAnswer(Response):
    """Ends the connection without a byte."""

    def __init__(self, how: Ending) -> None:
        super().__init__()
        self._how: Ending = how

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI's own form
        """Cut, and wait until the server has noticed."""
        cut(scope, self._how)
        await gone(receive)


class BrokenAnswer(Response):
    """Sends the head of an answer and some of its body, then closes the connection."""

    def __init__(self, status: int, headers: Mapping[str, str], part: AsyncIterable[bytes]) -> None:
        super().__init__(status_code=status, headers=headers)
        self._part = part

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the part, cut, and wait until the server has noticed."""
        headers = [pair for pair in self.raw_headers if pair != (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        async for data in self._part:
            await send({"type": "http.response.body", "body": data, "more_body": True})
        cut(scope, "close")
        await gone(receive)


async def gone(receive: Receive) -> None:
    """Wait until the server has noticed that the connection ended."""
    while (await receive())["type"] != "http.disconnect":
        continue
