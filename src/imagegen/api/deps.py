"""What a handler may ask for."""

from typing import Annotated, cast

from fastapi import Depends, Request

from imagegen.api.limits import Seats
from imagegen.wiring import Services


def _services(request: Request) -> Services:
    return cast("Services", request.state.services)


def _seats(request: Request) -> Seats:
    return cast("Seats", request.state.seats)


ServicesDep = Annotated[Services, Depends(_services)]
SeatsDep = Annotated[Seats, Depends(_seats)]
