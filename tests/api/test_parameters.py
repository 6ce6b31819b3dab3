"""Faults of a query, a path or a header are reported like those of a body: place, fault and valid values."""

from typing import Any

import pytest
from dirty_equals import IsStr

from tests.support.service import FLUX, Json, Service

JOB = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
FAULTS: list[tuple[str, str, str, str, object]] = [
    (
        "/api/jobs?user_id=u",
        "user_id",
        "query",
        "unknown_name",
        IsStr(regex="GET /api/jobs has no query parameter 'user_id'; did you mean 'userId'."),
    ),
    ("/api/jobs?zzz=1", "zzz", "query", "unknown_name", IsStr(regex=".* parameter 'zzz'; it takes userId, status, .*")),
    ("/api/jobs?limit=101", "limit", "query", "out_of_range", "The query parameter limit must be between 1 and 100."),
    ("/api/jobs?limit=many", "limit", "query", "wrong_type", "The query parameter limit must be a whole number."),
    ("/api/jobs?limit=1.5", "limit", "query", "wrong_type", IsStr()),
    ("/api/jobs?limit=" + "9" * 5000, "limit", "query", "wrong_type", IsStr()),
    ("/api/jobs?limit=", "limit", "query", "wrong_type", IsStr()),
    (
        "/api/jobs?status=complete",
        "status",
        "query",
        "not_allowed",
        IsStr(regex=".* must be one of queued, running, .*did you mean 'completed'."),
    ),
    (
        "/api/jobs?createdFrom=yesterday",
        "createdFrom",
        "query",
        "wrong_format",
        IsStr(regex=".*such as 2026-11-22T16:57:49Z."),
    ),
    (
        "/api/jobs?createdFrom=2026-13-40T00:00:00Z",
        "createdFrom",
        "query",
        "wrong_format",
        IsStr(regex=".*such as 2026-11-22T16:57:49Z."),
    ),
    (
        "/api/jobs?createdTo=2026-11-22T00:00:00",
        "createdTo",
        "query",
        "wrong_format",
        IsStr(regex=".*such as 2026-11-22T16:57:49Z."),
    ),
    (
        "/api/jobs?cursor=x",
        "cursor",
        "query",
        "wrong_format",
        IsStr(regex="The query parameter cursor must look like .*"),
    ),
    (
        "/api/jobs?batchId=x",
        "batchId",
        "query",
        "wrong_format",
        IsStr(regex="The query parameter batchId must look like .*"),
    ),
    (
        "/api/images/models?tag=fast&tag=%00",
        "tag",
        "query",
        "wrong_format",
        IsStr(regex=r"The query parameter tag\[1\] must be printable.*"),
    ),
    ("/api/jobs?userId=%00", "userId", "query", "wrong_format", IsStr(regex=".*printable.*")),
    (
        "/api/jobs?userId=" + "u" * 129,
        "userId",
        "query",
        "too_long",
        "The query parameter userId must have at most 128 characters.",
    ),
    (
        "/api/jobs?limit=5&limit=6",
        "limit",
        "query",
        "conflict",
        "The query parameter limit is given 2 times; give it once.",
    ),
    ("/api/usage?group_by=day", "group_by", "query", "unknown_name", IsStr(regex=".*did you mean 'groupBy'.")),
    (
        "/api/usage?groupBy=year",
        "groupBy",
        "query",
        "not_allowed",
        IsStr(regex=".* must be one of model, day, month.*"),
    ),
    (
        "/api/usage?from=1.11.2026",
        "from",
        "query",
        "wrong_format",
        "The query parameter from must be a day such as 2026-11-22.",
    ),
    (
        "/api/usage?to=2026-11-31",
        "to",
        "query",
        "wrong_format",
        "The query parameter to must be a day such as 2026-11-22.",
    ),
    (f"/api/jobs/{JOB}?wait=61", "wait", "query", "out_of_range", "The query parameter wait must be between 0 and 60."),
    (f"/api/jobs/{JOB}?wait=soon", "wait", "query", "wrong_type", "The query parameter wait must be a whole number."),
    (
        f"/api/jobs/{JOB}?wiat=5",
        "wiat",
        "query",
        "unknown_name",
        IsStr(regex=".*did you mean 'wait'.|.*it takes wait."),
    ),
    (f"/api/batches/{JOB}?Wait=5", "Wait", "query", "unknown_name", IsStr(regex=".*did you mean 'wait'.")),
    (f"/api/images/{JOB}/first", "number", "path", "wrong_type", "In the path, number must be a whole number."),
    (f"/api/images/{JOB}/-1", "number", "path", "out_of_range", "In the path, number must be between 0 and 9999."),
    (
        f"/api/images/{JOB}/0?download=maybe",
        "download",
        "query",
        "wrong_type",
        "The query parameter download must be true or false.",
    ),
]


@pytest.mark.parametrize("fault", FAULTS, ids=range(len(FAULTS)))
async def test_parameter_fault_is_reported_like_a_body_fault(
    service: Service, fault: tuple[str, str, str, str, object]
) -> None:
    path, name, location, code, message = fault

    answer = await service.client.get(path)

    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (400, "invalid_query")
    assert [
        {part: error.get(part) for part in ("pointer", "location", "code", "message")} for error in problem["errors"]
    ] == [{"pointer": name, "location": location, "code": code, "message": message}]


HEADERS: list[tuple[dict[str, str], str, str, object]] = [
    (
        {"Idempotency-Key": "a b"},
        "Idempotency-Key",
        "wrong_format",
        IsStr(regex="The header Idempotency-Key must be visible ASCII .*"),
    ),
    ({"Idempotency-Key": ""}, "Idempotency-Key", "too_short", "The header Idempotency-Key must not be empty."),
    (
        {"Idempotency-Key": "x" * 256},
        "Idempotency-Key",
        "too_long",
        "The header Idempotency-Key must have at most 255 characters.",
    ),
    ({"Prefer": "x" * 256}, "Prefer", "too_long", "The header Prefer must have at most 255 characters."),
]


@pytest.mark.parametrize(("headers", "name", "code", "message"), HEADERS, ids=range(len(HEADERS)))
async def test_header_fault_names_the_header(
    service: Service, headers: dict[str, str], name: str, code: str, message: object
) -> None:
    problem = (await service.client.post("/api/images/generate", json=FLUX, headers=headers)).json()

    assert [(error["pointer"], error["location"], error["code"], error["message"]) for error in problem["errors"]] == [
        (name.lower(), "header", code, message)
    ]


async def test_faults_of_body_and_header_come_together(service: Service) -> None:
    body: Json = {**FLUX, "inputs": {}}

    problem = (await service.client.post("/api/images/generate", json=body, headers={"Idempotency-Key": "a b"})).json()

    assert [error["pointer"] for error in problem["errors"]] == ["/inputs/prompt", "idempotency-key"]


@pytest.mark.parametrize(
    ("path", "pointers"),
    [
        ("/api/jobs?user_id=u&limit=0&status=done", ["user_id", "status", "limit"]),
        ("/api/jobs?limit=5&limit=many&createdTo=soon", ["limit", "createdTo"]),
        ("/api/usage?groupby=model&from=x&to=2026-02-30", ["groupby", "from", "to"]),
        (f"/api/jobs/{JOB}?wiat=5&wait=soon", ["wiat", "wait"]),
    ],
)
async def test_faults_of_query_names_and_values_come_together(service: Service, path: str, pointers: list[str]) -> None:
    problem = (await service.client.get(path)).json()

    assert [error["pointer"] for error in problem["errors"]] == pointers


@pytest.mark.parametrize("path", ["/api/images/models/flux-pro?v=2", "/health/live?probe=1"])
async def test_operation_without_a_query_ignores_one(service: Service, path: str) -> None:
    assert (await service.client.get(path)).status_code == 200


def test_pydantics_messages_never_appear() -> None:
    said: list[Any] = [message for *_, message in (*FAULTS, *HEADERS)]

    assert not any("should be" in str(message) for message in said)
