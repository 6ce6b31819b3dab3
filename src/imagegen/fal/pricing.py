"""fal's price list: `GET {FAL_API_URL}/models/pricing` of fal's platform API."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Final

from pydantic import BaseModel, Field, ValidationError

from imagegen.clock import now
from imagegen.fal.platform_list import PlatformList
from imagegen.fal.responses import Lenient
from imagegen.jobs.cost import UnitPrice
from imagegen.net.http import Response, Sender
from imagegen.settings import FalSettings

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
        self._list = PlatformList(
            settings, sender, "/models/pricing", "price list", limit=_LIMIT, most_bytes=_MOST_BYTES
        )

    async def prices(self, endpoints: Sequence[str]) -> Mapping[str, UnitPrice]:
        """fal's prices of those endpoints that it knows.

        Raises:
            ProviderUnavailable: fal could not be asked, or its response cannot be read.
        """
        return await self._list.about(endpoints, self._read)

    def _read(self, response: Response, endpoints: Sequence[str]) -> Mapping[str, UnitPrice]:
        read_at = now()
        try:
            rows = _PriceList.model_validate(json.loads(response.content, parse_float=Decimal)).prices
        except (ValidationError, ValueError, RecursionError) as error:
            raise self._list.unavailable("holds no list of prices") from error
        return {
            row.endpoint_id: UnitPrice(
                endpoint=row.endpoint_id, price=row.unit_price, unit=row.unit, currency=row.currency, read_at=read_at
            )
            for row in rows
            if row is not None and row.endpoint_id in endpoints
        }
