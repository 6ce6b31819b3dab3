"""What a handler may ask for. All of it is async: FastAPI would ask for anything else in a thread, which costs more."""

from collections.abc import AsyncGenerator
from http import HTTPStatus
from typing import Annotated, Final, cast

from fastapi import Depends, Request

from imagegen.api.errors import RETRY_AFTER, Refusal
from imagegen.api.limits import Seats
from imagegen.wiring import Services


async def _services(request: Request) -> Services:
    return cast("Services", request.state.services)


async def _seats(request: Request) -> Seats:
    return cast("Seats", request.state.seats)


async def _stream(request: Request) -> AsyncGenerator[None]:
    """A place among the open event streams, held until the answer is sent."""
    with cast("Seats", request.state.streams).taken() as free:
        if not free:
            detail = (
                "As many event streams are open as allowed (IMAGEGEN_MAX_STREAMS). Try later, or poll with ?wait=30."
            )
            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "too_many_streams", detail, RETRY_AFTER)
        yield


ServicesDep = Annotated[Services, Depends(_services)]
SeatsDep = Annotated[Seats, Depends(_seats)]
STREAM: Final = Depends(_stream)
