"""The ASGI application."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from imagegen.sandbox.answers import Refused, on_refused, on_unknown_path
from imagegen.sandbox.control import Control
from imagegen.sandbox.history import History
from imagegen.sandbox.media import Media
from imagegen.sandbox.origins import NoForeignPages
from imagegen.sandbox.parts import Options, Sandbox
from imagegen.sandbox.pricing import PriceList
from imagegen.sandbox.reading import Reading
from imagegen.sandbox.schemas import endpoints
from imagegen.sandbox.storage import Storage
from imagegen.sandbox.submitting import Submitting


def create_app(options: Options) -> Starlette:
    """A sandbox over this data folder. Serve it with `connection.CuttableProtocol`, which the faults need."""
    sandbox = Sandbox.build(options)
    endpoints()  # reads files: done here, and not in the event loop at the first request

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        async with sandbox.opened():
            yield

    return Starlette(
        routes=[
            *Control(sandbox).routes(),
            *sandbox.deliveries.routes(),
            *History(sandbox).routes(),
            *Media(sandbox).routes(),
            *Storage(options.data / "uploads").routes(),
            *PriceList(sandbox).routes(),
            *Reading(sandbox).routes(),
            *Submitting(sandbox).routes(),
        ],
        exception_handlers={Refused: on_refused, HTTPException: on_unknown_path},
        middleware=[Middleware(NoForeignPages)],
        lifespan=lifespan,
    )
