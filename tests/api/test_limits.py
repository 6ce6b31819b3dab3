import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import timedelta

import pytest
from dirty_equals import IsPartialDict, IsStr
from pydantic import ByteSize

from imagegen.settings import LimitSettings, Settings
from tests.support.raw import send
from tests.support.service import FLUX, Json, Sandbox, Service, running

PROBLEM = "application/problem+json"
PATH = "/api/images/generate"
HEAD = b"POST /api/images/generate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
async def narrow(stack: Settings) -> AsyncGenerator[Service]:
    """A service whose limits are all low."""
    limits = LimitSettings(
        max_body_bytes=ByteSize(2047),
        max_data_uri_bytes=ByteSize(1),
        max_header_bytes=ByteSize(4096),
        receive_timeout=timedelta(seconds=0.5),
        max_json_depth=4,
        max_prompt_chars=20,
        max_image_urls=1,
        url_schemes="https",
        max_waiting=0,
    )
    async with running(stack.model_copy(update={"limits": limits})) as service:
        yield service


def about(variable: str) -> str:
    return IsStr(regex=rf".*{variable}.*")  # pyright: ignore[reportReturnType] - equal to any such text


async def test_declared_oversized_body_is_refused(narrow: Service) -> None:
    answer = await narrow.client.post(PATH, content=b"x" * 2049)

    assert (answer.status_code, answer.headers["Content-Type"], answer.json()) == (
        413,
        PROBLEM,
        IsPartialDict(code="body_too_large", detail=about("IMAGEGEN_MAX_BODY_BYTES")),
    )


async def test_undeclared_oversized_body_is_refused(narrow: Service) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b"x" * 100_000

    answer = await narrow.client.post(PATH, content=chunks())

    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_expect_continue_is_refused_at_once(narrow: Service) -> None:
    answer = await send(narrow, HEAD + b"Content-Length: 9999999\r\nExpect: 100-continue\r\n\r\n")

    assert (answer.status, answer.problem["code"]) == (413, "body_too_large")


async def test_body_of_the_largest_size_is_read(narrow: Service) -> None:
    answer = await narrow.client.post(PATH, content=b"{}".ljust(2047), headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")


@pytest.mark.parametrize("length", [b"Content-Length: 50", b"Transfer-Encoding: chunked"])
async def test_stalled_body_is_refused(narrow: Service, length: bytes) -> None:
    answer = await send(narrow, HEAD + length + b"\r\n\r\n", b"2\r\n{}\r\n")

    assert (answer.status, answer.headers["connection"], answer.problem) == (
        408,
        "close",
        IsPartialDict(code="request_timeout", detail=about("IMAGEGEN_RECEIVE_TIMEOUT")),
    )


async def test_trickled_body_is_refused(narrow: Service) -> None:
    answer = await send(narrow, HEAD + b"Content-Length: 50\r\n\r\n", *([b" "] * 20), pause=0.05)

    assert answer.status == 408


async def test_stalled_headers_are_refused(narrow: Service) -> None:
    answer = await send(narrow, b"GET /health/live HTTP/1.1\r\nHost: ", *([b"x"] * 15), pause=0.05)

    assert (answer.status, answer.headers["content-type"], answer.problem) == (
        408,
        PROBLEM,
        IsPartialDict(code="request_timeout", requestId=answer.headers["x-request-id"]),
    )


async def test_silent_connection_is_closed(narrow: Service) -> None:
    reader, writer = await asyncio.open_connection(narrow.client.base_url.host, narrow.client.base_url.port)

    async with asyncio.timeout(5):
        assert await reader.read() == b""
    writer.close()


async def test_body_after_the_response_is_not_waited_for(narrow: Service) -> None:
    head = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"

    answer = await send(narrow, head, *([b" "] * 15), pause=0.05)

    assert answer.status == 200


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nX: " + b"x" * 5000 + b"\r\n\r\n",
        b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 900 + b"\r\n",
    ],
    ids=["one large header", "a long path", "many headers"],
)
async def test_oversized_headers_are_refused(narrow: Service, head: bytes) -> None:
    answer = await send(narrow, head)

    assert (answer.status, answer.headers["content-type"], answer.problem) == (
        431,
        PROBLEM,
        IsPartialDict(code="headers_too_large", detail=about("IMAGEGEN_MAX_HEADER_BYTES")),
    )


async def test_endless_header_is_refused(narrow: Service) -> None:
    answer = await send(narrow, b"GET / HTTP/1.1\r\nX: ", *([b"x" * 1000] * 8), pause=0.01)

    assert answer.status == 431


async def test_malformed_request_is_a_problem(narrow: Service) -> None:
    answer = await send(narrow, b"\x16\x03\x01 hello\r\n\r\n")

    assert (answer.status, answer.problem) == (400, IsPartialDict(code="malformed_request"))


DEEP: list[Json] = [{"a": [[[[]]]]}, {"inputs": {"prompt": {"$where": {"$ne": {"$gt": ""}}}}}]


@pytest.mark.parametrize("body", DEEP)
async def test_deeply_nested_body_is_refused(narrow: Service, body: Json) -> None:
    answer = await narrow.generate(body)

    assert (answer.status_code, answer.json()["errors"]) == (
        400,
        [IsPartialDict(code="too_deep", message=about("IMAGEGEN_MAX_JSON_DEPTH"))],
    )


async def test_body_of_brackets_is_refused(service: Service) -> None:
    answer = await service.client.post(PATH, content=b"[" * 500_000, headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "too_deep")


EDIT: Json = {"model": "nano-banana-edit", "userId": "u"}


@pytest.mark.parametrize(
    ("body", "pointer", "variable"),
    [
        ({**FLUX, "inputs": {"prompt": "x" * 21}}, "/inputs/prompt", "IMAGEGEN_MAX_PROMPT_CHARS"),
        (
            {**EDIT, "inputs": {"prompt": "x", "image_urls": ["https://a.example/", "https://b.example/"]}},
            "/inputs/image_urls",
            "IMAGEGEN_MAX_IMAGE_URLS",
        ),
        (
            {**EDIT, "inputs": {"prompt": "x", "image_urls": ["HTTP://a.example/"]}},
            "/inputs/image_urls/0",
            "IMAGEGEN_URL_SCHEMES",
        ),
        (
            {**FLUX, "model": "flux-lora", "inputs": {"prompt": "x", "loras": [{"path": "http://a.example/l"}]}},
            "/inputs/loras/0/path",
            "IMAGEGEN_URL_SCHEMES",
        ),
    ],
)
async def test_input_beyond_the_services_limit_is_refused(
    narrow: Service, body: Json, pointer: str, variable: str
) -> None:
    answer = await narrow.generate(body)

    assert (answer.status_code, answer.json()["errors"]) == (
        400,
        [IsPartialDict(pointer=pointer, message=about(variable))],
    )


@pytest.mark.parametrize("scheme", ["file", "ftp", "gopher", "javascript", "s3", "//", ""])
async def test_other_url_schemes_are_refused(service: Service, scheme: str) -> None:
    url = f"{scheme}://etc/passwd"

    answer = await service.generate({**EDIT, "inputs": {"prompt": "x", "image_urls": [url]}})

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/inputs/image_urls/0")


async def test_request_without_a_waiting_slot_is_202_at_once(narrow: Service) -> None:
    answer = await narrow.generate({**FLUX, "inputs": {"prompt": "A fox"}}, prefer="wait=30")

    assert (answer.status_code, "Preference-Applied" in answer.headers) == (202, False)
    assert answer.json()["status"] in {"queued", "running"}
    assert (await narrow.ended(answer.json()["jobId"]))["status"] == "completed"


async def test_waiting_slot_is_freed_by_the_response(stack: Settings, sandbox: Sandbox) -> None:
    await sandbox.misbehaves({"fault": "latency", "queue": 0, "generation": 1})
    one_slot = stack.model_copy(update={"limits": LimitSettings(max_waiting=1)})
    async with running(one_slot) as service:
        both = await asyncio.gather(service.generate(), service.generate())
        third = await service.generate()
        ended = [await service.ended(answer.json()["jobId"]) for answer in both]

    assert sorted([answer.status_code for answer in both]) == [200, 202]
    assert third.status_code == 200
    assert {job["status"] for job in ended} == {"completed"}
