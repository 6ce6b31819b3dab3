"""`imagegen serve-process`: one of the processes of `imagegen serve --processes`. It is not for people."""

import asyncio
import gc
import logging
import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from imagegen.cli.errors import reporting_errors
from imagegen.cli.runtime import collector_off, read_settings, run
from imagegen.net.hangups import note_hangups

if TYPE_CHECKING:
    from imagegen.net.listeners import Listeners
    from imagegen.observability.logs import Events
    from imagegen.settings import Settings

_log = logging.getLogger("imagegen")


def serve_process(
    host: str,
    number: Annotated[int, typer.Argument(min=0)],
    count: Annotated[int, typer.Argument(min=1)],
    ready: Annotated[int, typer.Argument(min=0)],
    sockets: Annotated[list[int], typer.Argument(min=0)],
) -> None:
    """Answer requests on inherited sockets, until SIGTERM or the end of standard input."""
    note_hangups()
    with reporting_errors("a process of imagegen cannot start"):
        with collector_off():
            settings, events = read_settings()
            from imagegen.net.listeners import Listeners

        api, *others = [socket.socket(fileno=descriptor) for descriptor in sockets]
        listeners = Listeners(api, others[0] if others else None)

        def tell() -> None:
            gc.freeze()
            with suppress(BrokenPipeError):  # the parent is stopping, or was killed
                os.write(ready, b"1")
            os.close(ready)

        try:
            run(_serve(settings.share(number, count), host, listeners, tell, events))
        finally:
            if _is_orphan():
                from imagegen.observability.metrics import discard_shared

                discard_shared()


def _is_orphan() -> bool:
    """Whether the parent has ended. It writes nothing to standard input, so readable means closed."""
    readable, _, _ = select.select([sys.stdin], [], [], 0)
    return bool(readable)


async def _serve(
    settings: "Settings", host: str, listeners: "Listeners", ready: Callable[[], None], events: "Events"
) -> None:
    from imagegen import server

    stopping, loop, parent = asyncio.Event(), asyncio.get_running_loop(), sys.stdin.fileno()

    def stop_as_orphan() -> None:
        loop.remove_reader(parent)  # a closed pipe stays readable
        _log.warning("stopping: the parent process has ended")
        stopping.set()

    def answering() -> None:
        # uvicorn's own handler covers it until its end; a further SIGTERM must not end what hands back jobs after that.
        loop.add_signal_handler(signal.SIGTERM, stopping.set)
        ready()

    loop.add_reader(parent, stop_as_orphan)
    await server.serve_shared(settings, host, listeners, ready=answering, stopping=stopping, events=events)
