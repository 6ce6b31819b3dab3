"""The fault `any_answer`: any bytes on any call."""

import base64
import json

import httpx
import pytest

from tests.sandbox.running_sandbox import FLUX, RUNNING, Caller, Json, raw_exchange

HILL = {"prompt": "a hill", "seed": 1, "image_size": {"width": 64, "height": 64}}
RAW = b'{"prompt": "a hill"}'
CALLS = {
    "status": ("GET", "/status"),
    "stream": ("GET", "/status/stream"),
    "result": ("GET", ""),
    "cancel": ("PUT", "/cancel"),
}


def split(received: bytes) -> tuple[bytes, dict[str, str], bytes]:
    """Status line, headers and body as received."""
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    return first, dict(line.decode("latin-1").split(": ", 1) for line in lines), body


async def exchanged(fal: Caller, call: str, submitted: Json) -> bytes:
    method, end = CALLS[call]
    return await raw_exchange(fal, method, httpx.URL(submitted["response_url"] + end).path)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("status", [100, 199, 200, 204, 418, 599])
async def test_any_status_can_answer_any_call(fal: Caller, call: str, status: int) -> None:
    await fal.plan(RUNNING, {"fault": "any_answer", "on": [call], "status": status, "body": {"detail": []}})
    submitted = (await fal.submit(HILL)).json()

    first, headers, body = split(await exchanged(fal, call, submitted))

    assert (first.split(b" ")[:2], json.loads(body)) == ([b"HTTP/1.1", str(status).encode()], {"detail": []})
    assert (headers["content-type"], headers["content-length"]) == ("application/json", str(len(body)))
    assert "x-fal-request-id" not in headers


@pytest.mark.parametrize(
    ("more", "body"),
    [
        ({}, b""),
        ({"body": "NaN"}, b"NaN"),
        ({"body": [None, {"a": 1.5}]}, b'[null, {"a": 1.5}]'),
        ({"base64": base64.b64encode(b"\xff\xfe\x00").decode()}, b"\xff\xfe\x00"),
        ({"body": "abcd", "framing": "until_close"}, b"abcd"),
        ({"body": "abcd", "framing": "chunked"}, b"4\r\nabcd\r\n0\r\n\r\n"),
        ({"body": "abcd", "framing": "short"}, b"ab"),
        ({"body": "abcd", "framing": "short", "keep": 1}, b"abcd"),
        ({"body": "abcd", "framing": "unfinished"}, b"2\r\nab\r\n"),
        ({"body": "abcd", "framing": "broken_chunks"}, b"2\r\nab\r\nno size\r\ncd"),
    ],
    ids=str,
)
async def test_body_has_the_planned_bytes_and_framing(fal: Caller, more: Json, body: bytes) -> None:
    await fal.plan({"fault": "any_answer", "on": ["result"], **more})
    submitted = (await fal.submit(HILL)).json()

    _, headers, received = split(await exchanged(fal, "result", submitted))

    length = headers.get("content-length")
    assert received == body
    assert (length is None) == (more.get("framing") not in {None, "short"})
    assert (int(length or len(body)) > len(body)) == (more.get("framing") == "short")


async def test_answer_without_a_head_is_the_body_only(fal: Caller) -> None:
    await fal.plan({"fault": "any_answer", "on": ["status"], "framing": "no_head", "body": "what?"})

    assert await exchanged(fal, "status", (await fal.submit(HILL)).json()) == b"what?"


async def test_headers_are_sent_as_planned(fal: Caller) -> None:
    planned = {"Content-Type": "image/png", "Content-Encoding": "gzip", "Content-Length": "7", "X-A": "b" * 9000}
    await fal.plan({"fault": "any_answer", "on": ["status"], "headers": planned, "body": "x", "request_id": True})
    submitted = (await fal.submit(HILL)).json()

    _, headers, _ = split(await exchanged(fal, "status", submitted))

    assert {name.lower(): value for name, value in planned.items()}.items() <= headers.items()
    assert headers["x-fal-request-id"] == submitted["request_id"]


async def test_padded_result_is_still_json(fal: Caller) -> None:
    await fal.plan({"fault": "any_answer", "on": ["result"], "body": {"images": []}, "mebibytes": 17})

    result = await fal.result((await fal.submit(HILL)).json())

    assert (len(result.content) > 17 * 2**20, result.json()["images"]) == (True, [])


@pytest.mark.parametrize("is_accepted", [True, False])
async def test_submit_with_any_answer_is_accepted_or_not(fal: Caller, *, is_accepted: bool) -> None:
    await fal.plan({"fault": "any_answer", "on": ["submit"], "status": 302, "body": "<", "accepted": is_accepted})

    answer = await raw_exchange(fal, "POST", f"/{FLUX}", RAW)

    ledger = await fal.ledger()
    assert (answer[:12], answer[-1:]) == (b"HTTP/1.1 302", b"<")
    assert (ledger["submits"], ledger["accepted"]) == (1, int(is_accepted))


@pytest.mark.parametrize("is_accepted", [True, False])
async def test_cancel_with_any_answer_is_obeyed_or_not(fal: Caller, *, is_accepted: bool) -> None:
    waiting = {"fault": "latency", "queue": 60, "generation": 0}
    await fal.plan(waiting, {"fault": "any_answer", "on": ["cancel"], "status": 500, "accepted": is_accepted})
    submitted = (await fal.submit(HILL)).json()

    await exchanged(fal, "cancel", submitted)

    assert ((await fal.ledger())["requests"][0]["error_type"] == "client_cancelled") is is_accepted


async def test_answer_applies_to_its_prompt_as_often_as_planned(fal: Caller) -> None:
    await fal.plan(RUNNING, {"fault": "any_answer", "on": ["status"], "prompt": "a", "status": 500, "times": 1})
    mine, others = [(await fal.submit(HILL | {"prompt": prompt})).json() for prompt in ("a", "b")]

    answered = [(await fal.get(submitted["status_url"])).status_code for submitted in (others, mine, mine)]

    assert answered == [202, 500, 202]
    assert [row["dictated"]["status"] for row in (await fal.ledger())["requests"]] == [1, 0]


@pytest.mark.parametrize("wrong", [{"status": 99}, {"status": 600}, {"on": ["media"]}, {"base64": "a"}, {"keep": 2}])
async def test_invalid_plan_is_refused(fal: Caller, wrong: Json) -> None:
    answer = await fal.plan({"fault": "any_answer", "on": ["status"], **wrong})

    assert answer.status_code == 422
