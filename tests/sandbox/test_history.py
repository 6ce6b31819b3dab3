"""The request history of fal's platform API, forgotten requests, and low priority."""

import time
from datetime import UTC, datetime

import httpx
import pytest
from dirty_equals import IsFloat, IsInt, IsPartialDict, IsStr

from tests.sandbox.running_sandbox import FLUX, IN_QUEUE, Caller, Json

HILL = {"prompt": "a hill", "seed": 1, "image_size": {"width": 64, "height": 64}}
MOMENT = IsStr(regex=r"2\d{3}-\d\d-\d\dT[\d:.]+Z")


async def listed(fal: Caller, **query: object) -> httpx.Response:
    wanted = {name: str(value) for name, value in {"endpoint_id": FLUX, **query}.items()}
    return await fal.http.get("/v1/models/requests/by-endpoint", params=wanted, headers=fal.auth)


async def ids(fal: Caller, **query: object) -> list[str]:
    return [item["request_id"] for item in (await listed(fal, **query)).json()["items"]]


async def generated(fal: Caller, *seeds: int, endpoint: str = FLUX) -> list[str]:
    """The ids of ended requests, the latest first."""
    made: list[str] = []
    for seed in seeds:
        submitted = (await fal.submit(HILL | {"seed": seed}, endpoint)).json()
        await fal.ended(submitted)
        made.insert(0, submitted["request_id"])
    return made


async def test_ended_request_is_listed_with_times_and_payloads(fal: Caller) -> None:
    (request_id,) = await generated(fal, 1)
    bare: Json = {
        "request_id": request_id,
        "endpoint_id": FLUX,
        "sent_at": MOMENT,
        "started_at": MOMENT,
        "ended_at": MOMENT,
        "status_code": 200,
        "duration": IsFloat(ge=0),
    }

    assert (await listed(fal)).json() == {"items": [bare], "next_cursor": None, "has_more": False}
    assert (await listed(fal, expand="payloads")).json()["items"] == [
        bare | {"json_input": HILL, "json_output": IsPartialDict(images=[IsPartialDict(url=IsStr)])}
    ]


async def test_list_is_paged_latest_first(fal: Caller) -> None:
    made = await generated(fal, 1, 2, 3)

    first = (await listed(fal, limit=2)).json()
    second = (await listed(fal, limit=2, cursor=first["next_cursor"])).json()

    pages = [[item["request_id"] for item in page["items"]] for page in (first, second)]
    assert (pages, first["has_more"], second["has_more"]) == ([made[:2], made[2:]], True, False)
    assert second["next_cursor"] is None


async def test_list_is_filtered_by_key_endpoint_and_time(fal: Caller) -> None:
    (mine,) = await generated(fal, 1)
    (other,) = await generated(fal, 1, endpoint="fal-ai/flux/schnell")
    later = datetime.fromtimestamp(time.time() + 60, UTC).isoformat()

    assert await ids(fal) == [mine]
    assert await ids(fal, endpoint_id=f"{FLUX},fal-ai/flux/schnell") == [other, mine]
    assert await ids(fal, start=later) == []
    assert await ids(fal, end="2026-01-01T00:00:00Z") == []
    assert (await ids(fal, request_id=mine), await ids(fal, request_id=other)) == ([mine], [])
    assert await ids(Caller(fal.http)) == []


async def test_queued_request_is_not_listed(fal: Caller) -> None:
    await fal.plan(IN_QUEUE)
    await fal.submit(HILL)

    assert await ids(fal) == []


@pytest.mark.parametrize("query", [{"limit": 101}, {"limit": 0}, {"cursor": "?"}, {"start": "soon"}])
async def test_invalid_query_is_refused_as_by_fal(fal: Caller, query: Json) -> None:
    answer = await listed(fal, **query)

    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "validation_error")


async def test_list_needs_an_endpoint_and_a_key(fal: Caller) -> None:
    url = "/v1/models/requests/by-endpoint"

    statuses = [(await fal.get(url)).status_code, (await fal.http.get(f"{url}?endpoint_id={FLUX}")).status_code]
    assert statuses == [400, 401]


async def test_history_is_refused_empty_or_late(fal: Caller) -> None:
    (request_id,) = await generated(fal, 1)
    await fal.plan({"fault": "history_unavailable", "times": 1}, {"fault": "history_empty", "times": 1, "after": 0})

    answers = [await listed(fal) for _ in range(3)]
    await fal.plan({"fault": "history_late", "seconds": 60})
    late = await ids(fal)

    assert [answer.status_code for answer in answers] == [403, 200, 200]
    assert [len(answer.json()["items"]) for answer in answers[1:]] == [0, 1]
    assert (late, await ids(Caller(fal.http, fal.key), request_id=request_id)) == ([], [])


async def test_forgotten_request_is_unknown_from_then_on(fal: Caller) -> None:
    (kept,) = await generated(fal, 1)
    await fal.plan({"fault": "request_forgotten", "times": 1})
    submitted = (await fal.submit(HILL)).json()
    urls = [submitted["status_url"], f"{submitted['status_url']}/stream", submitted["response_url"]]
    answers = [await fal.get(url) for url in urls]
    await fal.plan()
    answers += [await fal.get(url) for url in urls]

    assert [(answer.status_code, answer.json()) for answer in answers] == [(404, {"status": "NOT_FOUND"})] * 6
    assert (await ids(fal), (await fal.ledger())["accepted"]) == ([kept], IsInt(ge=2))


async def test_low_priority_comes_after_all_others_of_its_app(fal: Caller) -> None:
    await fal.plan(IN_QUEUE)
    app = f"priority-{fal.key.partition(':')[0]}/app"
    low = [(await fal.submit(HILL, app, x_fal_queue_priority="low")).json() for _ in range(2)]
    normal = [(await fal.submit(HILL, app)).json() for _ in range(2)]

    positions = [(await fal.get(one["status_url"])).json()["queue_position"] for one in (*normal, *low)]
    assert positions == [0, 1, 2, 3]
