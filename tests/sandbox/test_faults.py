"""Every fault that can be planned, from the client's view."""

import asyncio

import httpx
import pytest
from dirty_equals import IsPartialDict, IsUUID

from tests.sandbox.running_sandbox import FLUX, RUNNING, Caller, Json, raw_exchange

HILL = {"prompt": "a hill", "seed": 1, "image_size": {"width": 64, "height": 64}}
RAW = b'{"prompt": "a hill"}'
I2I = "fal-ai/flux/dev/image-to-image"


async def accepted(fal: Caller) -> tuple[int, int]:
    """How many submits were read, and how many were accepted."""
    ledger = await fal.ledger()
    return ledger["submits"], ledger["accepted"]


async def test_plan_belongs_to_its_key_and_can_be_deleted(fal: Caller) -> None:
    neighbour = Caller(fal.http)
    await fal.plan({"fault": "submit_status", "status": 500})
    during = [(await caller.submit(HILL)).status_code for caller in (fal, neighbour)]
    await fal.http.delete("/_sandbox/faults", params={"key": fal.key})

    assert (during, (await fal.submit(HILL)).status_code) == ([500, 200], 200)


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "no_such_fault"},
        {"fault": "submit_status"},
        {"fault": "submit_status", "status": 200},
        {"fault": "submit_status", "status": 500, "tmes": 1},
        {"fault": "media_huge", "mebibytes": 0},
        {"fault": "read_status", "status": 500, "on": ["everything"]},
        {"fault": "latency", "queue": -1},
        {"fault": "result_expired", "times": 0},
    ],
)
async def test_invalid_plan_is_refused(fal: Caller, fault: Json) -> None:
    answer = await fal.plan(fault)

    assert (answer.status_code, answer.json()["detail"][0]["loc"][:2]) == (422, ["faults", 0])


async def test_fault_applies_times_after_skipping_occasions(fal: Caller) -> None:
    await fal.plan({"fault": "submit_status", "status": 503, "after": 1, "times": 2})

    assert [(await fal.submit(HILL)).status_code for _ in range(5)] == [200, 503, 503, 200, 200]


@pytest.mark.parametrize(
    ("more", "request_id", "counted"),
    [
        ({}, None, (1, 0)),
        ({"request_id": True}, IsUUID(4), (1, 0)),
        ({"request_id": True, "accepted": True}, IsUUID(4), (1, 1)),
    ],
)
async def test_429_with_and_without_a_request_id(
    fal: Caller, more: Json, request_id: object, counted: tuple[int, int]
) -> None:
    await fal.plan(
        {"fault": "submit_status", "status": 429, "body": {"detail": "slow"}, "headers": {"x-a": "b"}, **more}
    )

    answer = await fal.submit(HILL)

    assert (answer.status_code, answer.json(), answer.headers["x-a"]) == (429, {"detail": "slow"}, "b")
    assert answer.headers.get("x-fal-request-id") == request_id
    assert await accepted(fal) == counted


async def test_gateway_answers_with_its_page(fal: Caller) -> None:
    await fal.plan({"fault": "submit_gateway_error"})

    answer = await fal.submit(HILL)

    assert (answer.status_code, answer.headers["content-type"]) == (502, "text/html; charset=utf-8")
    assert "nginx" in answer.text
    assert "x-fal-request-id" not in answer.headers


@pytest.mark.parametrize(("is_accepted", "counted"), [(True, (1, 1)), (False, (1, 0))])
async def test_answer_is_later_than_the_client_waits(fal: Caller, is_accepted: bool, counted: tuple[int, int]) -> None:
    await fal.plan({"fault": "submit_delay", "seconds": 0.3, "accepted": is_accepted})

    with pytest.raises(httpx.ReadTimeout):
        await fal.http.post(f"/{FLUX}", json=HILL, headers=fal.auth, timeout=0.1)

    for _ in range(100):
        if await accepted(fal) != (0, 0):
            break
        await asyncio.sleep(0.02)
    assert await accepted(fal) == counted


@pytest.mark.parametrize(("when", "counted"), [("before_accepting", (1, 0)), ("after_accepting", (1, 1))])
async def test_dropped_submit_gets_no_bytes(fal: Caller, when: str, counted: tuple[int, int]) -> None:
    await fal.plan({"fault": "submit_drop", "when": when})

    assert await raw_exchange(fal, "POST", f"/{FLUX}", RAW) == b""
    assert await accepted(fal) == counted


@pytest.mark.parametrize(("when", "counted"), [("before_accepting", (1, 0)), ("after_accepting", (1, 1))])
async def test_reset_submit_resets_the_connection(fal: Caller, when: str, counted: tuple[int, int]) -> None:
    await fal.plan({"fault": "submit_drop", "when": when, "how": "reset"})

    with pytest.raises(ConnectionResetError):
        await raw_exchange(fal, "POST", f"/{FLUX}", RAW)
    assert await accepted(fal) == counted


async def test_answer_breaks_off_after_acceptance(fal: Caller) -> None:
    await fal.plan({"fault": "submit_drop", "when": "half_body"})

    head, _, body = (await raw_exchange(fal, "POST", f"/{FLUX}", RAW)).partition(b"\r\n\r\n")

    length = int(next(line for line in head.split(b"\r\n") if line.startswith(b"content-length")).split()[1])
    assert (head.startswith(b"HTTP/1.1 200"), 0 < len(body) < length) == (True, True)
    assert await accepted(fal) == (1, 1)


@pytest.mark.parametrize("status", [403, 404, 429, 503])
@pytest.mark.parametrize("call", ["status", "result", "stream", "cancel"])
async def test_calls_on_a_request_fail_as_often_as_planned(fal: Caller, call: str, status: int) -> None:
    await fal.plan(RUNNING, {"fault": "read_status", "on": [call], "status": status, "times": 1})
    submitted = (await fal.submit(HILL)).json()
    url = (
        submitted["response_url"]
        + {"status": "/status", "result": "", "stream": "/status/stream", "cancel": "/cancel"}[call]
    )
    method = "PUT" if call == "cancel" else "GET"

    async def answered() -> int:
        async with fal.http.stream(method, url, headers=fal.auth) as answer:
            return answer.status_code

    assert (await answered(), await answered() != status) == (status, True)


async def test_status_call_is_late(fal: Caller) -> None:
    await fal.plan({"fault": "read_delay", "on": ["status"], "seconds": 0.3})
    submitted = (await fal.submit(HILL)).json()

    with pytest.raises(httpx.ReadTimeout):
        await fal.http.get(submitted["status_url"], headers=fal.auth, timeout=0.1)


@pytest.mark.parametrize(("call", "end"), [("status", "/status"), ("result", ""), ("stream", "/status/stream")])
async def test_call_on_a_request_is_dropped(fal: Caller, call: str, end: str) -> None:
    await fal.plan({"fault": "read_drop", "on": [call], "times": 1})
    path = httpx.URL((await fal.submit(HILL)).json()["response_url"] + end).path

    assert await raw_exchange(fal, "GET", path) == b""


async def test_status_stream_breaks_off_after_some_events(fal: Caller) -> None:
    await fal.plan(RUNNING, {"fault": "read_drop", "on": ["stream"], "after_events": 1})
    submitted = (await fal.submit(HILL)).json()
    await fal.get(submitted["status_url"])

    received = await raw_exchange(fal, "GET", httpx.URL(submitted["status_url"]).path + "/stream")

    assert (received.count(b"data: "), received.endswith(b"0\r\n\r\n")) == (1, False)


async def test_result_expires(fal: Caller) -> None:
    await fal.plan({"fault": "result_expired"})

    assert (await fal.generate(HILL)).status_code == 404


async def test_model_fails(fal: Caller) -> None:
    await fal.plan({"fault": "model_fails"})
    submitted = (await fal.submit(HILL)).json()

    status, result = await fal.ended(submitted), await fal.result(submitted)

    assert status == IsPartialDict(status="COMPLETED", error="Invalid status code: 422")
    assert (result.status_code, result.json()["detail"]) == (
        422,
        [IsPartialDict(loc=["body", "prompt"], type="content_policy_violation")],
    )
    assert "x-fal-billable-units" not in result.headers


async def test_runner_fails(fal: Caller) -> None:
    await fal.plan({"fault": "runner_fails", "status": 503, "error_type": "runner_disconnected", "message": "gone"})

    result = await fal.generate(HILL)

    assert (result.status_code, result.json()) == (503, {"detail": "gone", "error_type": "runner_disconnected"})
    assert result.headers["x-fal-error-type"] == "runner_disconnected"


async def test_unreachable_input_fails_as_at_fal(fal: Caller) -> None:
    await fal.plan({"fault": "unreachable_input_fails"})

    result = await fal.generate({"prompt": "x", "image_url": "https://example.com/a.jpg"}, I2I)

    assert (result.status_code, result.json()["detail"]) == (
        422,
        [IsPartialDict(loc=["body", "image_url"], type="image_load_error", input="https://example.com/a.jpg")],
    )


async def test_ignored_cancel_lets_the_request_complete(fal: Caller) -> None:
    await fal.plan({"fault": "cancel_ignored"}, {"fault": "latency", "queue": 0, "generation": 0.4})
    submitted = (await fal.submit(HILL)).json()
    async with fal.http.stream("GET", f"{submitted['status_url']}/stream", headers=fal.auth) as stream:
        async for line in stream.aiter_lines():
            if "IN_PROGRESS" in line:
                break

    cancelled = await fal.cancel(submitted)

    assert (cancelled.status_code, (await fal.result(submitted)).status_code) == (202, 200)


async def test_queue_and_generation_take_the_planned_time(fal: Caller) -> None:
    await fal.plan({"fault": "latency", "queue": 0.2, "generation": 0.3})
    await fal.generate(HILL)

    row = (await fal.ledger())["requests"][0]
    assert 0.2 <= row["started_at"] - row["submitted_at"] < 2
    assert 0.3 <= row["completed_at"] - row["started_at"] < 2


async def test_images_are_on_a_foreign_host(fal: Caller) -> None:
    await fal.plan({"fault": "foreign_media_host", "base_url": "http://media.invalid"})

    assert (await fal.generate(HILL)).json()["images"][0]["url"].startswith("http://media.invalid/files/")


async def test_result_omits_the_billable_units(fal: Caller) -> None:
    await fal.plan({"fault": "billable_units_absent"})

    assert "x-fal-billable-units" not in (await fal.generate(HILL)).headers


async def test_safety_checker_flags_every_image(fal: Caller) -> None:
    await fal.plan({"fault": "nsfw_flagged"})

    assert (await fal.generate(HILL | {"num_images": 2})).json()["has_nsfw_concepts"] == [True, True]


@pytest.mark.parametrize("count", [0, 1])
async def test_result_has_fewer_images(fal: Caller, count: int) -> None:
    await fal.plan({"fault": "fewer_pictures", "count": count})
    answer = await fal.generate(HILL | {"num_images": 3})

    assert (len(answer.json()["images"]), answer.headers["x-fal-billable-units"]) == (count, str(count))
