"""What a handler may ask for."""

from typing import Annotated, cast

from fastapi import Depends, Request

from imagegen.wiring import Services


def _services(request: Request) -> Services:
    return cast("Services", request.state.services)


ServicesDep = Annotated[Services, Depends(_services)]
