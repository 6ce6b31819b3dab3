"""The sandbox lists the models of the index, serves their documents, and draws an answer for each."""

import random
from typing import Any, Final

import httpx
import pytest
from dirty_equals import IsPartialDict

from imagegen.endpoint_index import endpoint_index
from imagegen.sandbox.endpoint_schemas import find_endpoint
from imagegen.sandbox.indexed_results import ResultSchema
from tests.sandbox.running_sandbox import FLUX, Caller

Json = dict[str, Any]
INDEX: Final = endpoint_index()
KNOWN: Final = [each for name in INDEX.ids if (each := INDEX.find(name)) and each.inputs is not None]
SOME: Final = [
    "fal-ai/sam-3/image",
    "fal-ai/birefnet/v2",
    "fal-ai/image-preprocessors/midas",
    "fal-ai/flux-2/lora",
    "openai/gpt-image-2",
    "bria/fibo/generate",
]


async def listed(fal: Caller, **query: Any) -> httpx.Response:
    return await fal.http.get("/v1/models", params=query, headers=fal.auth)


async def names(fal: Caller, **query: Any) -> list[str]:
    answer = await listed(fal, **query)
    assert answer.status_code == 200, answer.text
    return [row["endpoint_id"] for row in answer.json()["models"]]


async def test_pages_hold_every_endpoint_once(fal: Caller) -> None:
    found: list[str] = []
    query: Json = {"limit": 100, "status": "active", "category": "text-to-image"}
    while True:
        page = (await listed(fal, **query)).json()
        found += [row["endpoint_id"] for row in page["models"]]
        if not page["has_more"]:
            break
        query["cursor"] = page["next_cursor"]

    wanted = [each for each in INDEX.ids if (known := INDEX.find(each)) and known.category == "text-to-image"]
    assert found == wanted


async def test_query_narrows_the_list(fal: Caller) -> None:
    assert FLUX in await names(fal, q="flux dev", category="text-to-image")
    assert await names(fal, endpoint_id=f"{FLUX},no/such") == [FLUX]
    assert await names(fal, endpoint_id="fal-ai/imagen4/preview", status="deprecated") == ["fal-ai/imagen4/preview"]


async def test_metadata_and_document_are_given(fal: Caller) -> None:
    (row,) = (await listed(fal, endpoint_id=FLUX, expand="openapi-3.0,enterprise_status")).json()["models"]

    assert row == {
        "endpoint_id": FLUX,
        "metadata": IsPartialDict(category="text-to-image", status="active", kind="inference"),
        "openapi": INDEX.find(FLUX).document(),  # type: ignore[union-attr]
        "enterprise_status": "ready",
    }


async def test_unknown_parameters_cannot_be_expanded(fal: Caller) -> None:
    (row,) = (await listed(fal, endpoint_id="fal-ai/veo3", expand="openapi-3.0")).json()["models"]

    assert (row["metadata"]["category"], row["openapi"]["error"]["code"]) == ("text-to-video", "expansion_failed")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"limit": "0"}, 400),
        ({"limit": "x"}, 400),
        ({"status": "gone"}, 400),
        ({"cursor": "?"}, 400),
        ({"expand": "everything"}, 400),
        ({"endpoint_id": ["a/b"] * 51}, 400),
        ({"endpoint_id": "no/such"}, 404),
    ],
)
async def test_invalid_list_query_is_refused(fal: Caller, query: Json, status: int) -> None:
    answer = await listed(fal, **query)

    kind = "not_found" if status == 404 else "validation_error"
    assert (answer.status_code, answer.json()) == (status, {"error": IsPartialDict(type=kind)})


async def test_document_of_one_endpoint_needs_no_key(fal: Caller) -> None:
    answers = [
        await fal.http.get("/api/openapi/queue/openapi.json", params={"endpoint_id": name})
        for name in (FLUX, "no/such")
    ]

    assert [answer.status_code for answer in answers] == [200, 404]
    assert answers[0].json()["info"]["x-fal-metadata"]["endpointId"] == FLUX


async def test_prices_are_those_of_the_index(fal: Caller) -> None:
    wanted = ["fal-ai/flux-2-pro", "fal-ai/nano-banana", "fal-ai/bagel"]

    answer = await fal.http.get("/v1/models/pricing", params={"endpoint_id": wanted}, headers=fal.auth)
    rows = [(row["unit_price"], row["unit"]) for row in answer.json()["prices"]]

    assert rows == [(0.03, "megapixels"), (0.039, "images"), (0.00125, "compute seconds")]


@pytest.mark.parametrize("endpoint", SOME)
async def test_answer_has_what_the_endpoint_promises(fal: Caller, endpoint: str) -> None:
    known = INDEX.find(endpoint)
    assert known is not None
    body: Json = {"prompt": "a lighthouse"} if "prompt" in (known.inputs or {}) else {}
    body |= {name: "https://example.com/photo.jpg" for name in known.required if "image" in name}

    submitted = (await fal.submit(body, endpoint)).json()
    await fal.ended(submitted)
    answer = await fal.result(submitted)

    assert answer.status_code == 200, answer.text
    urls = [part.split('"')[0] for part in answer.text.split('"url":"')[1:]]
    assert urls
    assert set(answer.json()) <= set(known.outputs)
    for url in urls:
        assert (await fal.http.get(url)).headers["content-type"].startswith("image/")


async def test_masks_are_images_of_their_own_and_not_billed(fal: Caller) -> None:
    submitted = (await fal.submit({"image_url": "https://example.com/a.jpg"}, "fal-ai/sam-3/image")).json()
    await fal.ended(submitted)
    answer = await fal.result(submitted)

    image, (mask,) = answer.json()["image"], answer.json()["masks"]
    assert image["url"] != mask["url"]
    assert answer.headers["x-fal-billable-units"] == "1"


async def test_unknown_name_is_refused_for_an_endpoint_of_the_index(fal: Caller) -> None:
    submitted = (await fal.submit({"prompt": "a", "promt": "b"}, "fal-ai/flux-2-pro")).json()
    await fal.ended(submitted)
    answer = await fal.result(submitted)

    assert (answer.status_code, answer.json()["detail"][0]["type"]) == (422, "extra_forbidden")


def test_every_result_is_of_its_schema() -> None:
    items = [{"url": f"/{number}.png", "width": 8, "height": 8} for number in range(8)]
    chance = random.Random(7)
    for known in chance.sample(KNOWN, 120):
        schema = ResultSchema(known.outputs, known.definitions)
        further = schema.further_images()
        made = schema.result(items[: 2 + further], {"seed": 7, "prompt": "a"}, further)

        assert set(made) <= set(known.outputs)
        assert known.result == "json" or "url" in str(made), known.id
        assert find_endpoint(known.id) is not None
