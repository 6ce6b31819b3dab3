"""Problems in fal's shape. Pure."""

import json
from http import HTTPStatus
from typing import Any

import pytest

from imagegen.api.http.problems import problem
from imagegen.doors.fal.error_shapes import FalErrors, fal_error, note_accepted
from imagegen.doors.fal.key_forms import KeyForm

PROBLEM: dict[str, Any] = {"status": 400, "code": "invalid_input", "detail": "inputs.prompt is required."}


def fault(pointer: str, code: str, message: str, **more: str) -> dict[str, str]:
    return {"pointer": pointer, "code": code, "message": message, **more}


def test_faults_become_a_list_with_places_in_the_flat_body() -> None:
    errors = [
        fault("/inputs/prompt", "missing", "inputs.prompt is required."),
        fault("/options/num_images", "out_of_range", "options.num_images must be between 1 and 4."),
        fault("/inputs/loras/0/path", "wrong_type", "inputs.loras[0].path must be text."),
        fault("/webhookUrl", "unsupported", "webhookUrl is not available."),
        fault("/userId", "missing", "name a user."),
        fault("Idempotency-Key", "wrong_format", "The header is wrong.", location="header"),
        fault("", "malformed_json", "The body must be JSON."),
    ]

    assert fal_error({**PROBLEM, "errors": errors}) == (
        422,
        {
            "detail": [
                {"loc": ["body", "prompt"], "msg": "prompt is required.", "type": "missing"},
                {"loc": ["body", "num_images"], "msg": "num_images must be between 1 and 4.", "type": "value_error"},
                {"loc": ["body", "loras", 0, "path"], "msg": "loras[0].path must be text.", "type": "type_error"},
                {"loc": ["query", "fal_webhook"], "msg": "webhookUrl is not available.", "type": "value_error"},
                {"loc": ["header", "x-imagegen-user-id"], "msg": "name a user.", "type": "missing"},
                {"loc": ["header", "Idempotency-Key"], "msg": "The header is wrong.", "type": "value_error"},
                {"loc": ["body"], "msg": "The body must be JSON.", "type": "json_invalid"},
            ],
            "message": "prompt is required.",
            "error_type": "invalid_input",
        },
    )


@pytest.mark.parametrize(
    ("given", "code", "expected"),
    [
        (402, "budget_exceeded", 402),
        (403, "user_not_allowed", 403),
        (404, "unknown_endpoint", 404),
        (409, "idempotency_mismatch", 422),
        (409, "anything_new", 422),
        (410, "job_deleted", 410),
        (413, "body_too_large", 413),
        (429, "rate_limited", 429),
        (500, "internal_error", 500),
        (503, "unavailable", 503),
    ],
)
def test_statuses_stay_but_for_a_conflict(given: int, code: str, expected: int) -> None:
    status, shape = fal_error({"status": given, "code": code, "detail": "Words."})

    assert status == expected
    assert shape["message"] == "Words."
    assert shape["error_type"] == code


def test_error_that_is_no_422_has_a_text() -> None:
    assert fal_error({"status": 404, "code": "job_not_found", "detail": "There is no job."}) == (
        404,
        {
            "detail": "There is no job.",
            "message": "There is no job.",
            "error_type": "job_not_found",
            "status": "NOT_FOUND",
        },
    )


@pytest.mark.parametrize("form", KeyForm)
def test_refused_key_is_told_which_one_is_wanted(form: KeyForm) -> None:
    status, shape = fal_error({"status": 401, "code": "unauthorized", "detail": "Authorization: Bearer ig_…"}, form)

    assert status == 401
    assert "Set FAL_KEY to an API key of this service, ig_…" in str(shape["detail"])
    assert ("fal.ai" in str(shape["detail"])) == (form is KeyForm.FOREIGN)


async def sent(status: HTTPStatus, *, accepted: bool) -> tuple[int, dict[str, str], Any]:
    """What a client gets of a problem, before or after its job was stored."""
    messages: list[Any] = []
    scope: dict[str, Any] = {"type": "http", "state": {}}

    async def send(message: Any) -> None:
        messages.append(message)

    if accepted:
        note_accepted(scope, "01A")
    answer = problem(status, "unavailable", "MongoDB does not answer.", headers={"X-Request-Id": "r1"})
    await answer(scope, lambda: None, FalErrors(send, KeyForm.OURS, scope).send)  # pyright: ignore[reportArgumentType] - it is not called
    start, body = messages
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], headers, json.loads(body["body"])


@pytest.mark.parametrize(("accepted", "status", "request_id"), [(False, 503, "r1"), (True, 500, "01A")])
async def test_status_that_clients_repeat_is_not_sent_once_the_job_is_stored(
    accepted: bool, status: int, request_id: str
) -> None:
    got, headers, body = await sent(HTTPStatus.SERVICE_UNAVAILABLE, accepted=accepted)

    assert (got, headers["x-fal-request-id"], headers["content-type"]) == (status, request_id, "application/json")
    assert int(headers["content-length"]) == len(json.dumps(body))
    assert body["message"] == "MongoDB does not answer."
