import logging
from urllib.parse import quote

import httpx
import pytest
from pydantic import JsonValue

from tests.support.raw import send
from tests.support.service import FLUX, Service

# From the usual lists: injections into logs, paths, keys, queries, shells, pages and formats, and what breaks decoders.
HOSTILE = [
    "../../etc/passwd",
    "..\\..\\windows\\win.ini",
    "%2e%2e%2f%2e%2e%2f",
    "a\r\nSet-Cookie: x=1",
    "a\nINFO forged line",
    "nul\x00byte",
    "\x1b[31mred\x1b[0m",
    "\u202egpj.exe",
    "zero\u200bwidth",
    "line\u2028separator",
    "\ufeffbom",
    "'; DROP TABLE jobs; --",
    '" || 1==1 //',
    "$where",
    "$ne",
    "{$gt: ''}",
    "jobs.*",
    "imagegen.>",
    "${jndi:ldap://x.example/a}",
    "{{7*7}}",
    "%s%n%x",
    "$(reboot)",
    "`reboot`",
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "Ω≈ç√∫",
    "田中さん",
    "👩‍👩‍👧",
    "__proto__",
    "null",
    "/",
    ".",
    "..",
    " ",
]
OPERATORS: list[JsonValue] = [{"$ne": ""}, {"$gt": ""}, {"$regex": ".*"}, {"$where": "1"}, ["a"], [], True, 0, None]


@pytest.mark.parametrize("text", HOSTILE)
async def test_user_id_is_refused_or_kept_verbatim(service: Service, text: str) -> None:
    answer = await service.generate({**FLUX, "userId": text}, prefer="respond-async")
    listed = await service.client.get("/api/jobs", params={"userId": text})

    if answer.status_code == 400:
        assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/userId"]
        assert (listed.status_code, listed.json()["errors"][0]["pointer"]) == (400, "userId")
    else:
        job = answer.json()
        assert (answer.status_code, job["userId"]) == (202, text)
        assert {found["userId"] for found in listed.json()["jobs"]} == {text}
        assert job["jobId"] in [found["jobId"] for found in listed.json()["jobs"]]
        ended = await service.ended(job["jobId"])
        key = ended["images"][0]["key"].split("/")
        assert (len(key), key[0], key[4]) == (6, "images", job["jobId"])
        assert not {"", ".", ".."} & set(key)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("path", ["/api/jobs/", "/api/images/models/"])
async def test_hostile_path_parameter_finds_nothing(service: Service, path: str, text: str) -> None:
    answer = await service.client.get(path + quote(text, safe=""))

    assert answer.status_code in {200, 404}
    assert answer.status_code == 404 or answer.json().keys() & {"jobs", "models"}


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("member", ["userId", "model"])
async def test_mongodb_operator_instead_of_a_string_is_refused(
    service: Service, member: str, operator: JsonValue
) -> None:
    answer = await service.generate({**FLUX, member: operator})

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, f"/{member}")


@pytest.mark.parametrize(
    "query",
    [
        "userId[$ne]=",
        "userId[$regex]=.*",
        "userId%5B%24gt%5D=",
        "$where=1",
        "status[$ne]=failed",
        "cursor[$lt]=z",
        "userId=a&userId[$ne]=b",
        "model=%00",
        "type=a%0Ab",
        "cursor=$ne",
        "createdFrom[$gt]=",
        "createdFrom=0.5",
        "createdTo=99999999999",
    ],
)
async def test_mongodb_operator_in_the_query_is_refused(service: Service, query: str) -> None:
    answer = await service.client.get(f"/api/jobs?{query}")

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_query")


@pytest.mark.parametrize(
    "moment", ["0001-01-01T00:00:00+23:59", "0140-09-14T06:37:08-22:56", "9999-12-31T23:59:59-23:59"]
)
async def test_extreme_times_bound_the_history(service: Service, moment: str) -> None:
    for name in ("createdFrom", "createdTo"):
        answer = await service.client.get("/api/jobs", params={name: moment, "limit": 1})

        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("text", [text for text in HOSTILE if text.isascii() and text.isprintable() and text.strip()])
async def test_hostile_idempotency_key_is_refused_or_works(service: Service, text: str) -> None:
    first = await service.generate(idempotency_key=text)
    again = await service.generate(idempotency_key=text)

    if first.status_code != 400:
        assert first.json()["jobId"] == again.json()["jobId"]


@pytest.mark.parametrize("header", [b"X-Request-Id", b"Idempotency-Key", b"Prefer", b"Accept", b"If-None-Match"])
@pytest.mark.parametrize("value", [b"\xff\xfe", b"%0d%0aSet-Cookie:x", b"\"';--", b"x" * 2000])
async def test_strange_header_breaks_nothing(service: Service, header: bytes, value: bytes) -> None:
    answers = [
        await service.client.get("/api/jobs?limit=1", headers={header: value}),
        await service.client.post("/api/images/generate", json={}, headers={header: value}),
    ]

    assert [answer.status_code for answer in answers] == [200, 400]
    assert {"set-cookie"}.isdisjoint(name for answer in answers for name in answer.headers)


@pytest.mark.parametrize(
    "line", [b"X-Request-Id: a\rb", b"X-Request-Id: a\x00b", b"X-Request-Id : a", b"X-Request-Id: a\n b"]
)
async def test_header_with_a_line_break_is_refused_or_replaced(service: Service, line: bytes) -> None:
    answer = await send(service, b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + line + b"\r\n\r\n")

    assert answer.status in {200, 400}
    assert "a" not in answer.headers["x-request-id"] or len(answer.headers["x-request-id"]) == 32


async def test_log_lines_cannot_be_forged(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    forged = "\nERROR forged\x1b[2J"
    with caplog.at_level(logging.DEBUG):
        await service.client.get(f"/api/jobs/{quote(forged)}", headers={"X-Request-Id": "x"})
        await service.client.get(f"/nowhere/{quote(forged)}?userId={quote(forged)}")
        await service.generate({**FLUX, "userId": forged})
        await service.generate({**FLUX, "inputs": {"prompt": forged}, "model": forged})

    ours = [record.getMessage() for record in caplog.records if record.name.startswith(("imagegen", "uvicorn"))]
    assert [message for message in ours if not message.replace("\n", "¶").isprintable() or "\nERROR" in message] == []


async def test_log_line_of_a_defect_escapes_the_path(
    service: Service, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(type(service.services.jobs), "page", fails)
    answer: httpx.Response = await service.client.get("/api/jobs", headers={"X-Request-Id": "r-1"})

    assert (answer.status_code, answer.headers["X-Request-Id"], answer.json()["requestId"]) == (500, "r-1", "r-1")
    assert [r.getMessage() for r in caplog.records if r.name == "imagegen.api"] == [
        "GET '/api/jobs': unexpected error (request r-1)"
    ]
