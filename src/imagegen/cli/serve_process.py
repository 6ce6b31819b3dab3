"""`imagegen serve-process`: one of the processes of `imagegen serve --processes`. It is not for people."""

import asyncio
import gc
import os
import socket
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from imagegen.cli.errors import reporting_errors
from imagegen.cli.runtime import collector_off, read_settings, run

if TYPE_CHECKING:
    from imagegen.net.listeners import Listeners
    from imagegen.observability.logs import Events
    from imagegen.settings import Settings


def serve_process(
    host: str,
    number: Annotated[int, typer.Argument(min=0)],
    count: Annotated[int, typer.Argument(min=1)],
    ready: Annotated[int, typer.Argument(min=0)],
    sockets: Annotated[list[int], typer.Argument(min=0)],
) -> None:
    """Answer requests on inherited sockets, until SIGTERM or the end of standard input."""
    with reporting_errors("a process of imagegen cannot start"):
        with collector_off():
            settings, events = read_settings()
            from imagegen.net.listeners import Listeners

        api, *others = [socket.socket(fileno=descriptor) for descriptor in sockets]
        listeners = Listeners(api, others[0] if others else None)

        def tell() -> None:
            gc.freeze()
            os.write(ready, b"1")
            os.close(ready)

        run(_serve(settings.share(number, count), host, listeners, tell, events))


async def _serve(
    settings: "Settings", host: str, listeners: "Listeners", ready: Callable[[], None], events: "Events"
) -> None:
    from imagegen import server

    stopping, loop, parent = asyncio.Event(), asyncio.get_running_loop(), sys.stdin.fileno()

    def stop() -> None:
        loop.remove_reader(parent)  # a closed pipe stays readable
        stopping.set()

    loop.add_reader(parent, stop)  # the parent writes nothing, so readable means closed
    await server.serve_shared(settings, host, listeners, ready=ready, stopping=stopping, events=events)
