"""The price list answers as fal's platform API does."""

import httpx
import pytest
from dirty_equals import IsPartialDict

from imagegen.sandbox.endpoint_schemas import endpoints
from tests.sandbox.running_sandbox import FLUX, Caller

KNOWN = endpoints()  # reads files, so not in the event loop


async def asked(fal: Caller, *names: str) -> httpx.Response:
    return await fal.http.get("/v1/models/pricing", params={"endpoint_id": list(names)}, headers=fal.auth)


async def test_endpoint_has_a_unit_price(fal: Caller) -> None:
    answer = await asked(fal, FLUX)

    assert (answer.status_code, answer.json()) == (
        200,
        {
            "prices": [{"endpoint_id": FLUX, "unit_price": 0.025, "unit": "megapixels", "currency": "USD"}],
            "next_cursor": None,
            "has_more": False,
        },
    )


async def test_ids_may_be_repeated_or_separated_by_commas(fal: Caller) -> None:
    names = [row["endpoint_id"] for row in (await asked(fal, f"{FLUX},fal-ai/face-swap", FLUX)).json()["prices"]]

    assert names == [FLUX, "fal-ai/face-swap"]


async def test_price_unit_is_the_billing_unit(fal: Caller) -> None:
    rows = (await asked(fal, *KNOWN)).json()["prices"]

    assert {row["endpoint_id"]: row["unit"] for row in rows} == {
        name: "megapixels" if known.by_megapixel else "images" for name, known in KNOWN.items()
    }


@pytest.mark.parametrize(
    ("names", "status", "kind"),
    [
        ([], 400, "validation_error"),
        (["a/b"] * 51, 400, "validation_error"),
        ([FLUX, "no/such"], 404, "not_found"),
    ],
    ids=["none", "too many", "one unknown"],
)
async def test_invalid_query_fails_as_a_whole(fal: Caller, names: list[str], status: int, kind: str) -> None:
    answer = await asked(fal, *names)

    assert (answer.status_code, answer.json()) == (status, {"error": IsPartialDict(type=kind)})


async def test_prices_need_a_key(fal: Caller) -> None:
    answer = await fal.http.get("/v1/models/pricing", params={"endpoint_id": FLUX})

    assert (answer.status_code, answer.json()) == (401, {"error": IsPartialDict(type="authorization_error")})
