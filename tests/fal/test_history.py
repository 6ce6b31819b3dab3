"""Finding a request in fal's own list by its input and the time of its intent."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pydantic import JsonValue, SecretStr

from imagegen.errors import HistoryUnavailable
from imagegen.fal import FalClient
from imagegen.fal.history import CLOCK_SKEW, same_json
from imagegen.net.http import Sender
from imagegen.settings import FalSettings
from tests.fal.workbench import (
    ENDPOINT,
    QUICK,
    SMALL,
    Bench,
    ProgressRecorder,
    Received,
    http,
    one_after_another,
    serving,
    takes,
)
from tests.support.scripted_http import Scripted

SINCE = datetime(2026, 11, 22, 12, tzinfo=UTC)


def at(server: Received, pool: Sender) -> FalClient:
    settings = FalSettings(key=SecretStr("id:secret"), queue_url="http://127.0.0.1:1", api_url=f"{server.url}/v1")
    return FalClient(settings, pool, QUICK)


def item(name: str, seconds: float = 0, **more: JsonValue) -> dict[str, JsonValue]:
    sent = (SINCE + timedelta(seconds=seconds)).isoformat()
    wanted: JsonValue = dict(SMALL)
    listed: dict[str, JsonValue] = {"request_id": name, "endpoint_id": ENDPOINT, "sent_at": sent, "json_input": wanted}
    return listed | more


def page(*items: JsonValue, cursor: str | None = None) -> bytes:
    return http("200 OK", json.dumps({"items": items, "next_cursor": cursor, "has_more": cursor is not None}))


async def ids(fal: FalClient, since: datetime = SINCE) -> list[str]:
    return [request.request_id for request in await fal.find_in_history(ENDPOINT, SMALL, since)]


async def test_request_without_a_submit_response_is_found(bench: Bench) -> None:
    fal, began = bench.fal(), datetime.now(UTC)
    await bench.plan(takes(), {"fault": "submit_drop", "when": "after_accepting", "times": 1})
    with pytest.raises(Exception, match="lost"):
        await fal.submit(ENDPOINT, SMALL)
    known = [
        await fal.submit(ENDPOINT, {**SMALL, "seed": 2}),
        await fal.submit("fal-ai/flux/schnell", SMALL),
    ]
    for request in known:
        await fal.wait(request, ProgressRecorder())

    (found,) = await fal.find_in_history(ENDPOINT, {**SMALL, "sync_mode": True}, began)
    await fal.wait(found, ProgressRecorder())

    assert (await bench.rows())[0]["request_id"] == found.request_id
    assert found == fal.request_with_id(ENDPOINT, found.request_id)
    assert (await fal.result(found)).payload["prompt"] == SMALL["prompt"]
    assert fal.request_with_id(ENDPOINT, known[0].request_id) == known[0]


@pytest.mark.parametrize(
    "fault", [{"fault": "history_empty"}, {"fault": "history_late", "seconds": 60}, {"fault": "request_forgotten"}]
)
async def test_unlisted_request_is_not_found(bench: Bench, fault: dict[str, object]) -> None:
    fal, began = bench.fal(), datetime.now(UTC)
    await bench.plan(takes(), fault)
    request = await fal.submit(ENDPOINT, SMALL)
    await bench.http.get(request.status_url, headers={"authorization": f"Key {bench.key}"})
    await asyncio.sleep(0.2)

    assert await ids(fal, began) == []


async def test_two_requests_with_equal_input_are_both_found(bench: Bench) -> None:
    fal, began = bench.fal(), datetime.now(UTC)
    await bench.plan(takes())
    both = [await fal.submit(ENDPOINT, SMALL) for _ in range(2)]
    for request in both:
        await fal.wait(request, ProgressRecorder())

    assert set(await fal.find_in_history(ENDPOINT, SMALL, began)) == set(both)


async def test_key_without_permission_makes_the_history_unavailable(bench: Bench) -> None:
    await bench.plan({"fault": "history_unavailable"})

    with pytest.raises(HistoryUnavailable, match="may not read") as caught:
        await bench.fal().find_in_history(ENDPOINT, SMALL, SINCE)
    assert caught.value.answer.status == 403


async def test_every_page_is_requested_as_fal_documents_it(pool: Sender) -> None:
    answers = [page(item("r-1"), cursor="Mg=="), page(item("r-2"), item("r-1"), cursor="Mw=="), page(item("r-3"))]
    async with serving(one_after_another(*answers)) as server:
        found = await ids(at(server, pool))

    asked = [httpx.URL(line.split()[1]) for line in server.lines]
    wanted = {"endpoint_id": ENDPOINT, "start": "2026-11-22T11:59:30Z", "expand": "payloads", "limit": "100"}
    assert found == ["r-1", "r-2", "r-3"]
    assert {url.path for url in asked} == {"/v1/models/requests/by-endpoint"}
    assert [dict(url.params) for url in asked] == [wanted, wanted | {"cursor": "Mg=="}, wanted | {"cursor": "Mw=="}]
    assert {headers["Authorization"] for headers in server.headers} == {"Key id:secret"}


async def test_only_later_requests_with_endpoint_and_input_match(
    pool: Sender,
) -> None:
    listed = page(
        item("early", -CLOCK_SKEW.total_seconds() - 1),
        item("skewed", -CLOCK_SKEW.total_seconds() + 1),
        item("late", 3600),
        item("began", sent_at=None, started_at=SINCE.isoformat()),
        item("without-times", sent_at=None),
        item("elsewhere", endpoint_id="fal-ai/flux/schnell"),
        item("more", json_input={**SMALL, "num_images": 1}),
        item("less", json_input={"prompt": "a fox"}),
        item("other", json_input={**SMALL, "seed": 2}),
        item("true-is-not-1", json_input={**SMALL, "seed": True}),
        item("a-float", json_input={**SMALL, "seed": 1.0}),
        item("synchronous", json_input={**SMALL, "sync_mode": False}),
        item("no/id"),
        "odd",
    )
    async with serving(one_after_another(listed)) as server:
        assert await ids(at(server, pool)) == ["skewed", "late", "began", "a-float", "synchronous"]


TROUBLE = {
    "no answer": b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{",
    "400": http("400 Bad Request", '{"error": {"type": "validation_error", "message": "no"}}'),
    "401": http("401 Unauthorized", '{"error": {"type": "authorization_error", "message": "no"}}'),
    "403": http("403 Forbidden", '{"error": {"type": "authorization_error", "message": "no"}}'),
    "404": http("404 Not Found"),
    "429": http("429 Too Many Requests"),
    "500": http("500 Internal Server Error", "oops"),
    "302": http("302 Found"),
    "no JSON": http("200 OK", "<html>"),
    "no list": http("200 OK", "[]"),
    "nested without end": http("200 OK", "[" * 100_000),
    "without end": page(item("r-1"), cursor="Mg=="),
    "without inputs": page(item("r-1", json_input=None)),
}


@pytest.mark.parametrize("trouble", TROUBLE)
async def test_unreadable_list_makes_the_history_unavailable(trouble: str, pool: Sender) -> None:
    async with serving(one_after_another(TROUBLE[trouble])) as server:
        with pytest.raises(HistoryUnavailable) as caught:
            await at(server, pool).find_in_history(ENDPOINT, SMALL, SINCE)

    assert "secret" not in f"{caught.value!r}"


async def test_match_counts_although_other_inputs_are_missing(pool: Sender) -> None:
    async with serving(one_after_another(page(item("r-1", json_input=None), item("r-2")))) as server:
        assert await ids(at(server, pool)) == ["r-2"]


async def test_unreachable_server_makes_the_history_unavailable(pool: Sender) -> None:
    async with serving(one_after_another(b"")) as server:
        fal = at(server, pool)
    with pytest.raises(HistoryUnavailable, match="could not be asked"):
        await fal.find_in_history(ENDPOINT, SMALL, SINCE)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"a": [1, None]}, {"a": [1.0, None]}, True),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": 1}, {"a": True}, False),
        ({"a": False}, {"a": 0}, False),
        ([1, 2], [2, 1], False),
        ([1], [1, 2], False),
        ({"a": None}, {}, False),
        ("1", 1, False),
        ({}, [], False),
    ],
)
def test_json_values_are_compared_as_json(one: JsonValue, other: JsonValue, *, same: bool) -> None:
    assert same_json(one, other) is same


async def test_history_is_not_read_with_a_gateways_key() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise AssertionError(f"{request.url} was asked")

    settings = FalSettings(key=SecretStr("id:secret"), queue_url="https://gateway.example")
    fal = FalClient(settings, Scripted(refuse), QUICK)

    with pytest.raises(HistoryUnavailable, match="FAL_API_URL is not set") as refused:
        await fal.find_in_history(ENDPOINT, SMALL, SINCE)

    assert refused.value.lasting
