"""fal's price list: `GET /v1/models/pricing`, with the errors of fal's platform API.

The prices are those of fal's pricing API between August and October 2026 if known, else those of its pages.
"""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from imagegen.endpoint_index import endpoint_index
from imagegen.sandbox import responses
from imagegen.sandbox.components import Sandbox
from imagegen.sandbox.endpoint_schemas import JsonObject
from imagegen.sandbox.faults import PricingDelay, PricingFails, PricingUnit
from imagegen.sandbox.platform_errors import platform_error
from imagegen.sandbox.responses import RefusedRequest

_MOST: Final = 50
_PRICES: Final[Mapping[str, tuple[float, str]]] = {
    "fal-ai/nano-banana-pro": (0.15, "images"),
    "fal-ai/nano-banana-pro/edit": (0.15, "images"),
    "fal-ai/flux-pro": (0.05, "megapixels"),
    "fal-ai/flux-pro/v1.1": (0.04, "megapixels"),
    "fal-ai/flux-pro/v1.1-ultra": (0.06, "images"),
    "fal-ai/flux-pro/kontext": (0.04, "images"),
    "fal-ai/flux-pro/kontext/max": (0.08, "images"),
    "fal-ai/flux/dev": (0.025, "megapixels"),
    "fal-ai/flux/dev/image-to-image": (0.03, "megapixels"),
    "fal-ai/flux/schnell": (0.003, "megapixels"),
    "fal-ai/flux-lora": (0.035, "megapixels"),
    "fal-ai/face-swap": (0.001, "images"),
    "easel-ai/advanced-face-swap": (0.05, "generations"),
    "fal-ai/nano-banana-2": (0.08, "images"),
    "fal-ai/nano-banana-2/edit": (0.08, "images"),
    "fal-ai/bytedance/seedream/v4.5/text-to-image": (0.04, "images"),
    "fal-ai/bytedance/seedream/v4.5/edit": (0.04, "images"),
    "fal-ai/recraft/v3/text-to-image": (0.04, "images"),
    "fal-ai/ideogram/v3": (0.03, "images"),
    "fal-ai/clarity-upscaler": (0.03, "megapixels"),
}


_UNTOLD: Final = (0.00125, "compute seconds")


class PricingRoutes:
    """The prices of endpoints: the base price of one unit in US dollars, without multipliers."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def routes(self) -> list[Route]:
        """The route of the call."""
        return [Route("/v1/models/pricing", self.prices)]

    async def prices(self, request: Request) -> Response:
        """Answer with the prices of 1 to 50 endpoints. An unknown one fails the call, as at fal."""
        try:
            plan = self._sandbox.plans.of(responses.caller(request))
        except RefusedRequest:
            return platform_error(401, "authorization_error", "Authentication is required")
        if delay := plan.take(PricingDelay):
            await asyncio.sleep(delay.seconds)
        if failure := plan.take(PricingFails):
            kind = "rate_limited" if failure.status == HTTPStatus.TOO_MANY_REQUESTS else "server_error"
            return platform_error(failure.status, kind, "planned fault")
        asked = [name for given in request.query_params.getlist("endpoint_id") for name in given.split(",") if name]
        if not 1 <= len(asked) <= _MOST:
            return platform_error(400, "validation_error", f"endpoint_id: expected 1 to {_MOST} endpoint ids")
        if unknown := [name for name in asked if _price(name) is None]:
            return platform_error(404, "not_found", f"Endpoint {unknown[0]} not found")
        other = plan.take(PricingUnit)
        rows = [_row(name) | ({"unit": other.unit} if other else {}) for name in dict.fromkeys(asked)]
        return JSONResponse({"prices": rows, "next_cursor": None, "has_more": False})


def _row(endpoint: str) -> JsonObject:
    found = _price(endpoint)
    assert found is not None, "unknown endpoints are refused before"
    price, unit = found
    return {"endpoint_id": endpoint, "unit_price": price, "unit": unit, "currency": "USD"}


def _price(endpoint: str) -> tuple[float, str] | None:
    """Amount and unit: those above, or of the index. Without a known price, one that tells nothing of an image."""
    if endpoint in _PRICES:
        return _PRICES[endpoint]
    index = endpoint_index()
    known = index.find(endpoint)
    if known is None or known.price is None:
        return _UNTOLD if known is not None or index.kind_of_other(endpoint) else None
    pricing, amount = known.price.entry.get("pricing"), known.price.entry["costPerImage"]
    assert isinstance(amount, int | float)
    is_of_megapixels = isinstance(pricing, dict) and pricing.get("unit") == "megapixel"
    return amount, "megapixels" if is_of_megapixels else "images"
