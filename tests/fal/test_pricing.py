"""Reading fal's price list, well-formed or not."""

from collections.abc import Callable
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr

from imagegen.errors import ProviderUnavailable
from imagegen.fal import Pricing
from imagegen.net.http import Sender
from imagegen.settings import FalSettings, Settings
from tests.support.scripted_http import Scripted

KEY = SecretStr("id:secret")
ENDPOINTS = [f"fal-ai/number/{number}" for number in range(120)]


def row(endpoint: str, **changes: object) -> dict[str, object]:
    return {"endpoint_id": endpoint, "unit_price": 0.1, "unit": "images", "currency": "USD", **changes}


def over(answer: Callable[[httpx.Request], httpx.Response], **settings: object) -> Pricing:
    given = FalSettings.model_validate({"key": KEY, **settings})
    return Pricing(given, Scripted(answer))


async def test_sandbox_prices_are_read_without_unknown_endpoints(stack: Settings, pool: Sender) -> None:
    pricing = Pricing(stack.fal.model_copy(update={"key": SecretStr(f"{uuid4()}:x")}), pool)
    asked = ["fal-ai/flux/dev", "fal-ai/your-endpoint", "fal-ai/face-swap", "no/such", "fal-ai/flux-lora"]

    prices = await pricing.prices(asked)

    assert {name: (str(price.price), price.unit) for name, price in prices.items()} == {
        "fal-ai/flux/dev": ("0.025", "megapixels"),
        "fal-ai/face-swap": ("0.001", "images"),
        "fal-ai/flux-lora": ("0.035", "megapixels"),
    }
    assert {price.currency for price in prices.values()} == {"USD"}


async def test_fifty_prices_per_call_and_unknown_found_by_halving() -> None:
    sizes: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked = request.url.params.get_list("endpoint_id")
        sizes.append(len(asked))
        if "fal-ai/number/7" in asked:
            return httpx.Response(404, json={"error": {"type": "not_found", "message": "no"}})
        return httpx.Response(200, json={"prices": [row(name) for name in asked]})

    prices = await over(answer).prices(ENDPOINTS)

    assert set(prices) == set(ENDPOINTS) - {"fal-ai/number/7"}
    assert (max(sizes), len(sizes) < 20) == (50, True)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500),
        httpx.Response(401, json={"error": {"type": "authorization_error", "message": "no"}}),
        httpx.Response(429),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"prices": None}),
        httpx.Response(302, headers={"Location": "https://elsewhere.example/"}),
    ],
    ids=lambda answer: f"{answer.status_code} {answer.text[:20]}",
)
async def test_malformed_price_list_raises_unavailable(answer: httpx.Response) -> None:
    with pytest.raises(ProviderUnavailable):
        await over(lambda _: answer).prices(["a/b"])


@pytest.mark.parametrize(
    "odd",
    [{"unit_price": -1}, {"unit_price": "dear"}, {"unit_price": None}, {"currency": "dollars"}, {"endpoint_id": "x/y"}],
    ids=str,
)
async def test_malformed_row_is_left_out(odd: dict[str, object]) -> None:
    rows = [row("a/b", **odd), row("c/d")]

    prices = await over(lambda _: httpx.Response(200, json={"prices": rows})).prices(["a/b", "c/d"])

    assert list(prices) == ["c/d"]


async def test_price_without_a_unit_is_kept() -> None:
    prices = await over(lambda _: httpx.Response(200, json={"prices": [row("a/b", unit=None)]})).prices(["a/b"])

    assert prices["a/b"].unit is None


async def test_prices_are_not_read_with_a_gateways_key() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise AssertionError("asked")

    assert await over(answer, queue_url="https://gateway.example").prices(["a/b"]) == {}
