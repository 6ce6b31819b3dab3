"""Connections that a fault can cut: uvicorn's h11 protocol, with its transport available to the application."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterable, Mapping
from typing import cast

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from imagegen.sandbox.faults import Ending


class CuttableHttpProtocol(H11Protocol):
    """Puts the connection's transport into the state of each request, for `cut_connection`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in H11Protocol
        """Store the transport for every request of this connection."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


def transport_of(scope: Scope) -> asyncio.Transport:
    """The transport of the request's connection."""
    return cast("asyncio.Transport", scope["state"]["transport"])


def cut_connection(scope: Scope, how: Ending) -> None:
    """End the connection: `close` sends the pending data and a FIN, `reset` discards the data and sends a RST."""
    transport = transport_of(scope)
    if how == "close":
        transport.close()
        return
    connection = cast("socket.socket", transport.get_extra_info("socket"))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


class DroppedResponse(Response):
    """Ends the connection without sending a byte."""

    def __init__(self, how: Ending) -> None:
        super().__init__()
        self._how: Ending = how

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # the signature is ASGI's
        """Cut the connection, and wait until the server has noticed."""
        cut_connection(scope, self._how)
        await wait_for_disconnect(receive)


class TruncatedResponse(Response):
    """Sends the head of a response and a part of its body, then closes the connection."""

    def __init__(self, status: int, headers: Mapping[str, str], part: AsyncIterable[bytes]) -> None:
        super().__init__(status_code=status, headers=headers)
        self._part = part

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the part, cut the connection, and wait until the server has noticed."""
        headers = [pair for pair in self.raw_headers if pair != (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        async for data in self._part:
            await send({"type": "http.response.body", "body": data, "more_body": True})
        cut_connection(scope, "close")
        await wait_for_disconnect(receive)


async def wait_for_disconnect(receive: Receive) -> None:
    """Wait until the server has noticed that the connection ended."""
    while (await receive())["type"] != "http.disconnect":
        continue
