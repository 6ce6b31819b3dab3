"""fal's price list: `GET {FAL_API_URL}/models/pricing` of fal's platform API.

It takes 1 to 50 endpoints at once, and an unknown one fails the whole call.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from http import HTTPStatus
from typing import Annotated, Final

from pydantic import BaseModel, Field, ValidationError
from yarl import URL

from imagegen.clock import now
from imagegen.errors import ProviderAnswer, ProviderUnavailable
from imagegen.fal.responses import Lenient
from imagegen.fal.sender import NETWORK_FAILURES
from imagegen.fal.urls import may_call_platform_api
from imagegen.jobs.cost import UnitPrice
from imagegen.net.http import Request, Response, Sender, client_timeout, fetch
from imagegen.settings import FalSettings

_MOST_ENDPOINTS: Final = 50
_LIMIT: Final = timedelta(seconds=15)
_MOST_BYTES: Final = 2**22


class _Row(BaseModel):
    endpoint_id: str
    unit_price: Annotated[Decimal, Field(ge=0, lt=10**6, max_digits=18)]
    unit: Lenient[Annotated[str, Field(min_length=1, max_length=100)]] = None
    currency: Annotated[str, Field(pattern="^[A-Za-z]{3}$")]


class _PriceList(BaseModel):
    prices: list[Lenient[_Row]]


class Pricing:
    """Reads fal's unit prices.

    Nothing is read if `FAL_QUEUE_URL` is a gateway and `FAL_API_URL` is not set, because the key is then the gateway's
    and must not be sent to fal's own host.
    """

    def __init__(self, settings: FalSettings, sender: Sender) -> None:
        assert settings.key is not None
        self._is_enabled = may_call_platform_api(settings)
        self._url = URL(f"{settings.api_url}/models/pricing")
        self._headers = {"Authorization": f"Key {settings.key.get_secret_value().strip()}"}
        self._sender = sender

    async def prices(self, endpoints: Sequence[str]) -> Mapping[str, UnitPrice]:
        """fal's prices of those endpoints that it knows.

        Raises:
            ProviderUnavailable: fal could not be asked, or its response cannot be read.
        """
        if not self._is_enabled:
            return {}
        found: dict[str, UnitPrice] = {}
        for start in range(0, len(endpoints), _MOST_ENDPOINTS):
            found |= await self._some(endpoints[start : start + _MOST_ENDPOINTS])
        return found

    async def _some(self, endpoints: Sequence[str]) -> Mapping[str, UnitPrice]:
        """Ask for all at once; if one of them is unknown, ask for each half, down to single endpoints."""
        response = await self._get(endpoints)
        if response.status_code == HTTPStatus.OK:
            return _read(response, endpoints)
        if response.status_code != HTTPStatus.NOT_FOUND:
            raise _unavailable(f"answered with HTTP status {response.status_code}", response.status_code)
        if len(endpoints) == 1:
            return {}
        middle = len(endpoints) // 2
        return {**await self._some(endpoints[:middle]), **await self._some(endpoints[middle:])}

    async def _get(self, endpoints: Sequence[str]) -> Response:
        url = self._url.with_query({"endpoint_id": list(endpoints)})
        request = Request(method="GET", url=url, headers=self._headers, timeout=client_timeout(_LIMIT))
        try:
            return await fetch(self._sender, request, _LIMIT, _MOST_BYTES)
        except NETWORK_FAILURES as error:
            raise _unavailable(f"could not be asked ({type(error).__name__})") from error


def _read(response: Response, endpoints: Sequence[str]) -> Mapping[str, UnitPrice]:
    read_at = now()
    try:
        rows = _PriceList.model_validate(json.loads(response.content, parse_float=Decimal)).prices
    except (ValidationError, ValueError, RecursionError) as error:
        raise _unavailable("holds no list of prices") from error
    return {
        row.endpoint_id: UnitPrice(
            endpoint=row.endpoint_id, price=row.unit_price, unit=row.unit, currency=row.currency, read_at=read_at
        )
        for row in rows
        if row is not None and row.endpoint_id in endpoints
    }


def _unavailable(problem: str, status: int | None = None) -> ProviderUnavailable:
    return ProviderUnavailable(ProviderAnswer(message=f"fal.ai's price list {problem}.", status=status))
