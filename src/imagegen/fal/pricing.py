"""fal's price list: `GET {FAL_API_URL}/models/pricing`, of fal's platform API.

It takes 1 to 50 endpoints at once, and one that it does not know fails the whole call.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http import HTTPStatus
from typing import Annotated, Final

import httpx
from pydantic import BaseModel, Field, ValidationError

from imagegen.costs import UnitPrice
from imagegen.errors import ProviderAnswer, ProviderUnavailable
from imagegen.fal.addresses import may_ask_platform
from imagegen.fal.answers import Lenient
from imagegen.fal.transport import NETWORK_FAILURES, timeouts
from imagegen.settings import FalSettings

_MOST_ENDPOINTS: Final = 50
_PATIENCE: Final = timedelta(seconds=15)


class _Row(BaseModel):
    endpoint_id: str
    unit_price: Annotated[Decimal, Field(ge=0, lt=10**6, max_digits=18)]
    unit: Lenient[Annotated[str, Field(min_length=1, max_length=100)]] = None
    currency: Annotated[str, Field(pattern="^[A-Za-z]{3}$")]


class _PriceList(BaseModel):
    prices: list[Lenient[_Row]]


class Pricing:
    """Asks fal for unit prices.

    Where the queue is a gateway of somebody else's and no platform API was named beside it, nothing is asked: the key
    is the gateway's, and fal's own host must not get it.
    """

    def __init__(self, settings: FalSettings, transport: httpx.AsyncBaseTransport) -> None:
        assert settings.key is not None
        self._is_askable = may_ask_platform(settings)
        self._url = f"{settings.api_url}/models/pricing"
        headers = {"Authorization": f"Key {settings.key.get_secret_value().strip()}"}
        self._http = httpx.AsyncClient(
            transport=transport, headers=headers, follow_redirects=False, trust_env=False, timeout=timeouts(_PATIENCE)
        )

    async def prices(self, endpoints: Sequence[str]) -> Mapping[str, UnitPrice]:
        """fal's prices of those endpoints that it knows.

        Raises:
            ProviderUnavailable: it could not be asked, or its answer cannot be read.
        """
        if not self._is_askable:
            return {}
        found: dict[str, UnitPrice] = {}
        for start in range(0, len(endpoints), _MOST_ENDPOINTS):
            found |= await self._some(endpoints[start : start + _MOST_ENDPOINTS])
        return found

    async def _some(self, endpoints: Sequence[str]) -> Mapping[str, UnitPrice]:
        """Ask for all at once; where one of them is unknown, ask for each half, down to the one."""
        response = await self._get(endpoints)
        if response.status_code == HTTPStatus.OK:
            return _read(response, endpoints)
        if response.status_code != HTTPStatus.NOT_FOUND:
            raise _unavailable(f"answered with HTTP status {response.status_code}", response.status_code)
        if len(endpoints) == 1:
            return {}
        middle = len(endpoints) // 2
        return {**await self._some(endpoints[:middle]), **await self._some(endpoints[middle:])}

    async def _get(self, endpoints: Sequence[str]) -> httpx.Response:
        try:
            return await self._http.get(self._url, params={"endpoint_id": list(endpoints)})
        except NETWORK_FAILURES as error:
            raise _unavailable(f"could not be asked ({type(error).__name__})") from error


def _read(response: httpx.Response, endpoints: Sequence[str]) -> Mapping[str, UnitPrice]:
    now = datetime.now(UTC)
    read_at = now.replace(microsecond=now.microsecond // 1000 * 1000)
    try:
        rows = _PriceList.model_validate(json.loads(response.content, parse_float=Decimal)).prices
    except (ValidationError, ValueError, RecursionError) as error:
        raise _unavailable("gave no list of prices") from error
    return {
        row.endpoint_id: UnitPrice(
            endpoint=row.endpoint_id, price=row.unit_price, unit=row.unit, currency=row.currency, read_at=read_at
        )
        for row in rows
        if row is not None and row.endpoint_id in endpoints
    }


def _unavailable(problem: str, status: int | None = None) -> ProviderUnavailable:
    return ProviderUnavailable(ProviderAnswer(message=f"fal.ai's price list {problem}.", status=status))
