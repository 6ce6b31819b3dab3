"""Status, result and cancellation: how fal's responses are read."""

import asyncio
import errno
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Final, Literal

import aiohttp
import httpx
import pytest
from aiohttp.client_reqrep import ConnectionKey
from pydantic import JsonValue, SecretStr

from imagegen.errors import (
    ProviderAnswer,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    ResultUnavailable,
    TooManyOpenFiles,
)
from imagegen.fal import FalClient, FalTimeouts, Progress
from imagegen.jobs import ProviderImage, ProviderRequest, ProviderResult
from imagegen.settings import FalSettings
from tests.support.scripted_http import Scripted

QUEUE: Final = "https://queue.fal.run"
BASE: Final = f"{QUEUE}/fal-ai/flux/requests/r-1"
REQUEST: Final = ProviderRequest(
    request_id="r-1", status_url=f"{BASE}/status", response_url=BASE, cancel_url=f"{BASE}/cancel"
)
QUICK: Final = FalTimeouts(
    read=timedelta(seconds=1),
    first_poll=timedelta(milliseconds=1),
    max_poll=timedelta(milliseconds=2),
    result_missing=timedelta(milliseconds=30),
)
PICTURE: Final = "https://v3.fal.media/files/a/b.png"

HOST: Final = ConnectionKey("queue.fal.run", 443, True, True, None, None, None)  # noqa: FBT003 - aiohttp's own
DROPPED: Final = aiohttp.ServerDisconnectedError("dropped")
REFUSED: Final = aiohttp.ClientConnectorError(HOST, OSError("refused"))

Answer = httpx.Response | Exception


class Script:
    """Returns the next response to each request, repeating the last one, and records the requests."""

    def __init__(self, *answers: Answer) -> None:
        self._left = list(answers)
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.method} {request.url} {request.headers['authorization']}")
        answer = self._left.pop(0) if len(self._left) > 1 else self._left[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


def fal_with(
    script: Callable[[httpx.Request], httpx.Response], queue_url: str = QUEUE, key: str = "id:secret"
) -> FalClient:
    return FalClient(FalSettings(key=SecretStr(key), queue_url=queue_url), Scripted(script), QUICK)


def said(status: int, body: JsonValue, **headers: str) -> httpx.Response:
    return httpx.Response(status, json=body, headers={name.replace("_", "-"): text for name, text in headers.items()})


def status(name: str, **more: JsonValue) -> httpx.Response:
    return said(200 if name == "COMPLETED" else 202, {"status": name, "request_id": "r-1", **more})


async def progress_of(fal: FalClient) -> list[Progress]:
    reported: list[Progress] = []

    async def on_progress(progress: Progress) -> None:
        reported.append(progress)

    await fal.wait(REQUEST, on_progress)
    return reported


async def test_wait_reports_each_change_once_and_ends_at_completed() -> None:
    lines: list[JsonValue] = [{"message": "step 1\x1b[0m", "level": "INFO"}, {"odd": True}, "odder"]
    script = Script(
        status("IN_QUEUE", queue_position=2, logs=None),
        status("IN_QUEUE", queue_position=2, logs=None),
        status("IN_QUEUE", queue_position=0),
        status("IN_PROGRESS", logs=None),
        status("IN_PROGRESS", logs=lines),
        status("COMPLETED", logs=lines, metrics={"inference_time": 1.5}, error="failed", error_type="client_cancelled"),
    )

    assert await progress_of(fal_with(script)) == [
        Progress(state="in_queue", queue_position=2),
        Progress(state="in_queue", queue_position=0),
        Progress(state="in_progress"),
        Progress(state="in_progress", logs=("step 1 [0m",)),
    ]
    assert script.asked == [f"GET {BASE}/status?logs=1 Key id:secret"] * 6


NO_NEWS: dict[str, Answer] = {
    "no connection": REFUSED,
    "dropped": DROPPED,
    "not HTTP": aiohttp.ClientError("not HTTP"),
    "a malformed header": ValueError("odd"),
    "307": said(307, None, location="https://elsewhere.example/"),
    "400": said(400, {"detail": "odd"}),
    "401": said(401, {"detail": "invalid key credentials"}),
    "403": said(403, {"detail": "User is locked. Reason: Exhausted balance."}),
    "404": said(404, {"status": "NOT_FOUND"}),
    "429": said(429, {"detail": "slow down"}),
    "500": said(500, {"detail": "Internal Server Error", "error_type": "internal_error"}),
    "502": httpx.Response(502, text="nginx"),
    "503": httpx.Response(503),
    "an unknown status": said(200, {"status": "EXPLODED"}),
    "no JSON": httpx.Response(200, text="<html>"),
    "a list": said(200, []),
}


@pytest.mark.parametrize("trouble", NO_NEWS)
async def test_unreadable_status_does_not_end_the_wait_and_is_logged_once(
    trouble: str, caplog: pytest.LogCaptureFixture
) -> None:
    script = Script(NO_NEWS[trouble], NO_NEWS[trouble], NO_NEWS[trouble], status("COMPLETED"))
    with caplog.at_level(logging.INFO, "imagegen"):
        assert await progress_of(fal_with(script)) == []

    assert (len(script.asked), [record.levelname for record in caplog.records if record.name == "imagegen.fal"]) == (
        4,
        ["WARNING"],
    )


async def test_completed_with_malformed_extras_is_completed() -> None:
    assert await progress_of(fal_with(Script(status("COMPLETED", logs="?", queue_position="x", metrics=[])))) == []


async def test_result_has_images_flags_billed_units_and_details() -> None:
    body: JsonValue = {
        "images": [{"url": PICTURE, "width": 8}, {"url": f"{PICTURE}?2"}],
        "has_nsfw_concepts": [False, True],
        "seed": 2**70,
    }
    script = Script(said(200, body, x_fal_billable_units="1.50", x_fal_request_id="r-1"))

    assert await fal_with(script).result(REQUEST) == ProviderResult(
        images=(ProviderImage(url=PICTURE, nsfw=False), ProviderImage(url=f"{PICTURE}?2", nsfw=True)),
        billable_units=Decimal("1.50"),
        payload={"has_nsfw_concepts": [False, True], "seed": 2**70},
    )
    assert script.asked == [f"GET {BASE} Key id:secret"]


@pytest.mark.parametrize(
    ("body", "images"),
    [
        ({"image": {"url": PICTURE}}, (ProviderImage(url=PICTURE),)),
        ({"image": PICTURE, "has_nsfw_concepts": True}, (ProviderImage(url=PICTURE, nsfw=True),)),
        ({"images": [], "image": {"url": PICTURE}}, (ProviderImage(url=PICTURE),)),
        ({"images": [PICTURE, None, {"file": 1}], "has_nsfw_concepts": [None]}, (ProviderImage(url=PICTURE),)),
    ],
)
async def test_images_are_found_in_every_form_of_result(body: JsonValue, images: tuple[ProviderImage, ...]) -> None:
    assert (await fal_with(Script(said(200, body))).result(REQUEST)).images == images


@pytest.mark.parametrize(
    ("header", "units"),
    [
        ("0", Decimal(0)),
        ("2.5e-1", Decimal("0.25")),
        ("0." + "3" * 60, Decimal("0." + "3" * 12)),
        ("1e-400", Decimal(0)),
        ("1." + "0" * 60, Decimal(1)),
        ("", None),
        ("a lot", None),
        ("-1", None),
        ("NaN", None),
        ("1e400", None),
    ],
)
async def test_billable_units_are_a_storable_decimal_or_none(header: str, units: Decimal | None) -> None:
    script = Script(said(200, {"image": PICTURE}, x_fal_billable_units=header))

    assert (await fal_with(script).result(REQUEST)).billable_units == units


async def test_payload_that_utf8_cannot_encode_becomes_storable() -> None:
    raw = rb'{"image": {"url": "https://v3.fal.media/x"}, "a\u0000\ud800": ["\udfff", {"b": "\ud83d\ude00"}], "n": NaN}'

    result = await fal_with(Script(httpx.Response(200, content=raw))).result(REQUEST)

    assert result.payload == {
        "a\ufffd\ufffd": ["\ufffd", {"b": "\U0001f600"}],
        "n": None,
    }


@pytest.mark.parametrize("body", [{}, {"images": []}, {"images": None, "image": {}}, {"video": {"url": PICTURE}}])
async def test_result_without_an_image_is_rejected(body: JsonValue) -> None:
    with pytest.raises(ProviderRejected) as caught:
        await fal_with(Script(said(200, body))).result(REQUEST)

    assert replace(caught.value.answer, result=None) == ProviderAnswer(
        message="fal.ai completed the request without an image.",
        status=200,
        error_type="no_media_generated",
        refused="output",
    )


UNPROCESSABLE: list[str] = [
    "content_policy_violation",
    "no_media_generated",
    "image_load_error",
    "file_download_error",
    "face_detection_error",
    "feature_not_supported",
    "image_too_small",
    "image_too_large",
    "file_too_large",
    "greater_than",
    "greater_than_equal",
    "less_than",
    "less_than_equal",
    "multiple_of",
    "sequence_too_short",
    "sequence_too_long",
    "one_of",
    "invalid_archive",
    "archive_file_count_below_minimum",
    "archive_file_count_exceeds_maximum",
    "unsupported_image_format",
    "video_duration_too_long",
    "audio_duration_too_short",
    "string_type",
    "a_type_of_tomorrow",
]
REFUSALS: dict[str, Literal["input", "output"]] = {"content_policy_violation": "input", "no_media_generated": "output"}
MODEL_ERRORS: list[tuple[str, int, type[ProviderError]]] = [
    ("internal_server_error", 500, ProviderUnavailable),
    ("generation_timeout", 504, ProviderUnavailable),
    ("downstream_service_error", 400, ProviderUnavailable),
    ("downstream_service_unavailable", 500, ProviderUnavailable),
    *[(name, 422, ProviderRejected) for name in UNPROCESSABLE],
    ("a_type_of_tomorrow", 500, ProviderRejected),
]


@pytest.mark.parametrize(("error_type", "code", "kind"), MODEL_ERRORS)
async def test_model_error_keeps_message_type_and_location(
    error_type: str, code: int, kind: type[ProviderError]
) -> None:
    fault: JsonValue = {
        "loc": ["body", "loras", 0],
        "msg": "no good",
        "type": error_type,
        "url": "https://docs",
        "input": 1,
    }
    script = Script(said(code, {"detail": [fault, {"loc": [], "msg": "nor this", "type": "other"}]}))
    with pytest.raises(kind) as caught:
        await fal_with(script).result(REQUEST)

    assert (len(script.asked), caught.value.answer) == (
        1,
        ProviderAnswer(
            message="body.loras.0: no good; nor this",
            status=code,
            error_type=error_type,
            detail=("body.loras.0: no good", "nor this"),
            refused=REFUSALS.get(error_type),
        ),
    )


INFRASTRUCTURE_ERRORS: list[tuple[str, int, type[ProviderError]]] = [
    ("request_timeout", 504, ProviderUnavailable),
    ("startup_timeout", 504, ProviderUnavailable),
    ("runner_scheduling_failure", 503, ProviderUnavailable),
    ("runner_connection_timeout", 503, ProviderUnavailable),
    ("runner_disconnected", 503, ProviderUnavailable),
    ("runner_connection_refused", 503, ProviderUnavailable),
    ("runner_connection_error", 503, ProviderUnavailable),
    ("runner_incomplete_response", 502, ProviderUnavailable),
    ("runner_server_error", 500, ProviderUnavailable),
    ("internal_error", 500, ProviderUnavailable),
    ("client_disconnected", 499, ProviderRejected),
    ("client_cancelled", 499, ProviderRejected),
    ("bad_request", 400, ProviderRejected),
]


@pytest.mark.parametrize("said_by", ["body", "header"])
@pytest.mark.parametrize(("error_type", "code", "kind"), INFRASTRUCTURE_ERRORS)
async def test_infrastructure_error_keeps_message_and_type(
    error_type: str, code: int, kind: type[ProviderError], said_by: str
) -> None:
    body: JsonValue = {"detail": "Words", "error_type": error_type} if said_by == "body" else {"detail": "Words"}
    script = Script(said(code, body, **({} if said_by == "body" else {"x_fal_error_type": error_type})))
    with pytest.raises(kind) as caught:
        await fal_with(script).result(REQUEST)

    assert (len(script.asked), caught.value.answer) == (
        1,
        ProviderAnswer(message="Words", status=code, error_type=error_type),
    )


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (said(500, {"detail": "A plain string"}), ProviderUnavailable, "A plain string"),
        (said(422, {"detail": ["one", "two"]}), ProviderRejected, "one; two"),
        (said(422, {"detail": {"msg": "an object"}}), ProviderRejected, "an object"),
        (said(500, {"detail": "x"}, x_fal_retryable="false"), ProviderRejected, "x"),
        (said(422, {"detail": "x"}, x_fal_needs_retry="1"), ProviderUnavailable, "x"),
    ],
)
async def test_every_form_of_detail_and_retry_advice_is_read(
    answer: httpx.Response, kind: type[ProviderError], words: str
) -> None:
    with pytest.raises(kind) as caught:
        await fal_with(Script(answer)).result(REQUEST)

    assert caught.value.answer.message == words


PASSING_RESULTS: dict[str, Answer] = {
    "no connection": aiohttp.ClientConnectionError("refused"),
    "dropped": DROPPED,
    "an odd network error": ConnectionResetError(),
    "a malformed header": ValueError("odd"),
    "still running": said(400, {"detail": "Request is still in progress"}, x_fal_request_id="r-1"),
    "still queued": said(202, {"status": "IN_QUEUE"}, x_fal_request_id="r-1"),
    "key replaced": said(401, {"detail": "invalid key credentials"}),
    "no credit": said(402, {"detail": "Payment required"}),
    "account locked": said(403, {"detail": "User is locked. Reason: TOP_UP."}),
    "too often": said(429, {"detail": "slow down", "error_type": "rate_limit"}),
    "500": httpx.Response(500, text="<html>"),
    "502": httpx.Response(502, text="nginx"),
    "503": httpx.Response(503),
    "redirect": said(302, None, location="https://elsewhere.example/"),
}
MAY_BE_THE_END: dict[str, Answer] = {
    "504 with words": said(504, {"message": "Endpoint timed out"}),
    "503 with words and without a type": said(503, {"detail": "CUDA error: out of memory"}),
    "500 under another name": said(500, {"error": "CUDA error: out of memory"}),
    "no JSON": httpx.Response(200, text="<html>"),
    "no object": said(200, ["x"]),
    "201": said(201, {"ok": True}),
    "400 without words": httpx.Response(400),
    "404 with words": said(404, {"detail": "LoRA not found"}),
}
THE_MODELS: dict[str, tuple[httpx.Response, int | None, str]] = {
    "503 with words": (said(503, {"detail": "CUDA error: out of memory"}), 503, "CUDA error: out of memory"),
    "503 with a list": (said(503, {"detail": ["busy", "later"]}), 503, "busy; later"),
    "403 with words": (said(403, {"detail": "Not for you"}), 403, "Not for you"),
    "401 with words": (said(401, {"detail": "no token for the model"}), 401, "no token for the model"),
    "404 with words": (said(404, {"detail": "LoRA not found"}), 404, "LoRA not found"),
    "an error of another form": (said(500, {"error": {"message": "odd"}}), 500, "odd"),
    "an empty detail": (said(422, {"detail": []}), 422, "fal.ai answered with HTTP status 422."),
    "HTML": (httpx.Response(500, text="<h1>"), 500, "fal.ai answered with HTTP status 500."),
    "nothing": (httpx.Response(502), 502, "fal.ai answered with HTTP status 502."),
    "a redirect": (
        said(302, None, location="https://elsewhere.example/"),
        302,
        "fal.ai answered with HTTP status 302.",
    ),
    "a list": (said(200, ["x"]), 200, 'The result is not a JSON object: ["x"]'),
    "no JSON": (httpx.Response(200, text="<html>"), 200, "The result is not a JSON object: <html>"),
    "an empty success": (httpx.Response(204), 204, "The result is not a JSON object: the response is empty."),
    "created": (said(201, {"ok": True}), 201, "fal.ai completed the request without an image."),
}


@pytest.mark.parametrize("trouble", PASSING_RESULTS)
async def test_gateway_or_account_error_leaves_the_result_for_later(trouble: str) -> None:
    script = Script(PASSING_RESULTS[trouble])
    with pytest.raises(ResultUnavailable) as caught:
        await fal_with(script).result(REQUEST)

    assert (len(script.asked), caught.value.end) == (1, None)


@pytest.mark.parametrize("trouble", MAY_BE_THE_END)
async def test_response_without_model_header_carries_a_possible_end(trouble: str) -> None:
    with pytest.raises(ResultUnavailable) as caught:
        await fal_with(Script(MAY_BE_THE_END[trouble])).result(REQUEST)

    assert caught.value.end is not None
    assert caught.value.end.answer.message == caught.value.answer.message


@pytest.mark.parametrize("answer", THE_MODELS)
async def test_response_with_model_header_ends_the_request(answer: str) -> None:
    given, code, words = THE_MODELS[answer]
    signed = httpx.Response(
        given.status_code, headers={**given.headers, "x-fal-request-id": "r-1"}, content=given.content
    )
    with pytest.raises(ProviderError) as caught:
        await fal_with(Script(signed)).result(REQUEST)

    assert isinstance(caught.value, ProviderRejected | ProviderUnavailable)
    assert (caught.value.answer.status, caught.value.answer.message) == (code, words)


async def test_result_with_images_counts_under_any_success_status() -> None:
    result = await fal_with(Script(said(201, {"image": PICTURE}))).result(REQUEST)

    assert result.images == (ProviderImage(url=PICTURE),)


@pytest.mark.parametrize("headers", [{}, {"x_fal_request_id": "r-1"}])
@pytest.mark.parametrize("body", [{"status": "NOT_FOUND"}, {}])
async def test_result_that_stays_missing_is_expired(body: JsonValue, headers: dict[str, str]) -> None:
    with pytest.raises(ResultUnavailable) as caught:
        await fal_with(Script(said(404, body, **headers))).result(REQUEST)

    assert caught.value.end is not None
    assert caught.value.end.answer.error_type == "result_expired"


async def test_large_response_is_read_up_to_the_limit() -> None:
    page = httpx.Response(502, content=b"x" * (3 * 2**20))
    result = httpx.Response(200, content=b'{"image": "' + b"x" * (33 * 2**20))
    for answer in (page, result):
        with pytest.raises(ResultUnavailable) as caught:
            await fal_with(Script(answer)).result(REQUEST)

        assert len(caught.value.answer.message) < 700
    assert "more than 33554432 bytes" in caught.value.answer.message


@pytest.mark.parametrize(
    "answer",
    [
        said(200, {"status": "OK"}),
        said(200, {"success": True}),
        said(202, {"status": "CANCELLATION_REQUESTED"}),
        said(400, {"status": "ALREADY_COMPLETED"}),
        said(404, {"status": "NOT_FOUND"}),
    ],
)
async def test_every_response_to_a_cancellation_is_understood(answer: httpx.Response) -> None:
    script = Script(answer)
    await fal_with(script).cancel(REQUEST)

    assert script.asked == [f"PUT {BASE}/cancel Key id:secret"]


@pytest.mark.parametrize("answer", [httpx.Response(503), said(401, {"detail": "bad"}), DROPPED])
async def test_cancellation_that_fal_did_not_accept_raises(answer: Answer) -> None:
    with pytest.raises(ProviderUnavailable):
        await fal_with(Script(answer)).cancel(REQUEST)


async def test_404_for_a_random_request_proves_the_key() -> None:
    script = Script(said(404, {"status": "NOT_FOUND"}))
    await fal_with(script).check()

    assert len(script.asked) == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (said(401, {"detail": "invalid key credentials"}), ProviderRejected),
        (said(403, {"detail": "User is locked."}), ProviderUnavailable),
        (httpx.Response(502), ProviderUnavailable),
        (REFUSED, ProviderUnavailable),
    ],
)
async def test_key_check_without_404_raises_the_reason(answer: Answer, kind: type[ProviderError]) -> None:
    with pytest.raises(kind):
        await fal_with(Script(answer)).check()


async def test_too_many_open_files_is_raised_by_every_call() -> None:
    no_files = aiohttp.ClientConnectorError(HOST, OSError(errno.EMFILE, "Too many open files"))
    fal = fal_with(Script(no_files))
    calls = [fal.submit("fal-ai/flux", {"prompt": "a fox"}), fal.result(REQUEST), progress_of(fal), fal.cancel(REQUEST)]

    outcomes = await asyncio.gather(*calls, return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [TooManyOpenFiles] * 4
