"""What a handler may ask for. All of it is async: FastAPI would ask for anything else in a thread, which costs more."""

from collections.abc import AsyncGenerator
from http import HTTPStatus
from typing import Annotated, Final, cast

from fastapi import Depends, Request

from imagegen.api.errors import RETRY_AFTER, Refusal
from imagegen.api.limits import Seats, Share
from imagegen.keys import Caller
from imagegen.wiring import Services


async def _services(request: Request) -> Services:
    return cast("Services", request.state.services)


async def _seats(request: Request) -> Share:
    return cast("Seats", request.state.seats).of(_name(request))


async def _stream(request: Request) -> AsyncGenerator[None]:
    """A place among the open event streams, held until the answer is sent."""
    with cast("Seats", request.state.streams).of(_name(request)).taken() as free:
        if not free:
            detail = (
                "As many event streams are open as allowed (IMAGEGEN_MAX_STREAMS), or as many of yours as leave some "
                "for other callers. Try later, or poll with ?wait=30."
            )
            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "too_many_streams", detail, RETRY_AFTER)
        yield


def _name(request: Request) -> str:
    """Who shares: the holder of an API key or, without one, an address."""
    key = cast("Caller", request.state.caller).key
    return key.id if key else f"at {request.client.host if request.client else 'unknown'}"


ServicesDep = Annotated[Services, Depends(_services)]
SeatsDep = Annotated[Share, Depends(_seats)]
STREAM: Final = Depends(_stream)
