"""What the Python client sends, what it makes of answers and errors, and what it never shows."""

import hashlib
import io
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from PIL import Image as Pictures

from imagegen_client import (
    ApiError,
    BatchItem,
    BudgetExceeded,
    Conflict,
    Forbidden,
    Imagegen,
    ImagegenError,
    InvalidRequest,
    JobCancelled,
    JobFailed,
    JobRefused,
    NotFound,
    RateLimited,
    Unauthorized,
    UnexpectedResponse,
)
from tests.clients.conftest import JOB, KEY, Scripted, ok, problem

KINDS = {
    400: InvalidRequest,
    401: Unauthorized,
    402: BudgetExceeded,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: NotFound,
}
FAILED: dict[str, Any] = {
    "code": "provider_rejected",
    "message": "No.",
    "retryable": True,
    "falDetail": [],
    "charged": True,
}

BUDGET: dict[str, Any] = {
    "id": "b1",
    "name": "Ann",
    "limit": 10,
    "used": 9.9,
    "reserved": 0.08,
    "remaining": 0.02,
    "estimate": 0.05,
}
BATCH: dict[str, Any] = {
    "batchId": "b2",
    "userId": "ann",
    "status": "running",
    "counts": {"total": 1, "queued": 1, "running": 0, "completed": 0, "failed": 0, "cancelled": 0},
    "cost": {"estimated": 0.05, "charged": 0, "currency": "USD"},
    "jobIds": ["1"],
    "createdAt": "2026-11-22T16:57:49.381000Z",
}


def png() -> bytes:
    file = io.BytesIO()
    Pictures.new("RGB", (3, 2)).save(file, "PNG")
    return file.getvalue()


def with_image(data: bytes) -> dict[str, Any]:
    image = {"url": "http://bucket/x", "permalink": "/api/images/1/0", "key": "x", "contentType": "image/png"}
    size = {"width": 3, "height": 2, "sizeBytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), "nsfw": None}
    return {**JOB, "images": [{**image, **size}]}


def shown_as(form: str, thing: object) -> Any:
    """What IPython asks for."""
    return getattr(thing, f"_repr_{form}_")()


def test_inputs_and_options_are_told_apart(scripted: Scripted) -> None:
    scripted.answers(ok(JOB))

    scripted.client().submit(
        "flux-pro", prompt="A fox", num_images=2, user="bob", deadline=1.5, webhook_url="https://x"
    )

    assert scripted.bodies() == [
        {
            "model": "flux-pro",
            "inputs": {"prompt": "A fox"},
            "options": {"num_images": 2},
            "userId": "bob",
            "deadlineSeconds": 2,
            "webhookUrl": "https://x",
        }
    ]


def test_models_are_asked_for_by_what_they_can_do(scripted: Scripted) -> None:
    scripted.answers(ok({"models": []}), ok({"models": []}))
    client = scripted.client()

    client.models()
    client.models(
        category="text-to-image", tags=["a", "b"], max_cost=0.05, takes_images=False, takes_loras=True, search="x y"
    )

    assert [dict(request.url.params.multi_items()) for request in scripted.requests[:1]] == [{}]
    assert scripted.requests[1].url.params.multi_items() == [
        ("category", "text-to-image"),
        ("tag", "a"),
        ("tag", "b"),
        ("maxCost", "0.05"),
        ("takesImages", "false"),
        ("takesLoras", "true"),
        ("q", "x y"),
    ]


def test_models_of_an_earlier_service_are_read(scripted: Scripted) -> None:
    told: dict[str, Any] = {"name": "own", "falEndpoint": "x", "category": "x", "description": "x"}
    lists: dict[str, Any] = {"requiredInputs": [], "optionalInputs": [], "options": [], "defaultOptions": {}}
    scripted.answers(ok({"models": [{**told, **lists, "costPerImage": 0.5}]}))

    (model,) = scripted.client().models()

    assert (model.min_cost_per_image, model.max_cost_per_image, model.takes_images, model.sizes, model.tags) == (
        0.5, None, False, "none", (),
    )  # fmt: skip


def test_a_model_of_the_operators_own_is_asked_for_once(scripted: Scripted) -> None:
    told = {"name": "own", "falEndpoint": "x", "category": "x", "description": "x", "requiredInputs": ["words"]}
    rest: dict[str, Any] = {
        "optionalInputs": [],
        "options": ["size"],
        "defaultOptions": {},
        "costPerImage": 1,
        "inputsSchema": {},
    }
    scripted.answers(ok({**told, **rest, "optionsSchema": {}, "example": {}}), ok(JOB), ok(JOB))
    client = scripted.client()

    for _ in range(2):
        client.submit("own", words="A fox", size=3)  # pyright: ignore[reportCallIssue] - not in the built-in catalog

    body = {"model": "own", "inputs": {"words": "A fox"}, "options": {"size": 3}, "userId": "ann"}
    assert scripted.bodies() == [body, body]


def test_parameters_may_be_given_as_they_are_sent(scripted: Scripted) -> None:
    scripted.answers(ok(JOB))

    scripted.client().submit("own", inputs={"user": "a name that the client takes"}, options={"size": 3})

    assert scripted.bodies()[0]["inputs"] == {"user": "a name that the client takes"}


def test_a_user_is_needed() -> None:
    with pytest.raises(TypeError, match="user="):
        Imagegen().submit("flux-pro", prompt="A fox")


@pytest.mark.parametrize("status", KINDS)
def test_an_error_has_its_class_and_what_the_problem_says(scripted: Scripted, status: int) -> None:
    fault = {"pointer": "/inputs/prompt", "code": "missing", "message": "It is required."}
    scripted.answers(problem(status, "a_code", requestId="r1", retryable=False, errors=[fault]))

    with pytest.raises(KINDS[status]) as caught:
        scripted.client().job("1")

    error = caught.value
    assert (error.status, error.code, error.request_id, error.retryable, error.charged) == (
        status, "a_code", "r1", False, None,
    )  # fmt: skip
    assert [each.pointer for each in error.faults] == ["/inputs/prompt"]


def test_a_refusal_of_budgets_has_them_and_is_not_repeated(scripted: Scripted) -> None:
    scripted.answers(
        problem(
            402,
            "budget_exceeded",
            budgets=[{**BUDGET, "resetsAt": "2026-12-01T00:00:00Z"}, {**BUDGET, "resetsAt": None}],
        )
    )

    with pytest.raises(BudgetExceeded) as caught:
        scripted.client().run("flux-pro", prompt="A fox")

    month, wallet = caught.value.budgets
    assert (month.name, month.remaining, month.estimate) == ("Ann", 0.02, 0.05)
    assert (month.resets_at, wallet.resets_at) == (datetime(2026, 12, 1, tzinfo=UTC), None)
    assert (len(scripted.requests), scripted.pauses, caught.value.retryable) == (1, [], False)


def test_a_batch_is_partial_only_if_it_is_asked_to_be(scripted: Scripted) -> None:
    """A service without budgets would refuse an unknown name."""
    refused = [{"index": 1, "budgets": [{**BUDGET, "resetsAt": None}]}]
    scripted.answers(*[httpx.Response(202, json={**BATCH, "refused": refused})] * 2)
    client = scripted.client()
    items: list[BatchItem] = [{"model": "own", "inputs": {}}]

    part = client.batch(items, partial=True)
    client.batch(items)

    assert [body.get("partial", "left out") for body in scripted.bodies()] == [True, "left out"]
    assert [(each.index, each.budgets[0].remaining) for each in part.refused] == [(1, 0.02)]


def test_a_limit_says_when_to_come_back(scripted: Scripted) -> None:
    limit = {"name": "key-images", "limit": 4, "remaining": 1, "freeAt": "2026-11-22T17:57:50Z"}
    scripted.answers(problem(429, "rate_limited", {"Retry-After": "3600"}, retryable=True, limits=[limit]))

    with pytest.raises(RateLimited) as caught:
        scripted.client().job("1")

    assert (caught.value.retry_after, caught.value.retryable) == (3600, True)
    assert caught.value.problem.limits is not None
    (found,) = caught.value.problem.limits
    assert (found.name, found.limit, found.remaining) == ("key-images", 4, 1)
    assert found.free_at.isoformat() == "2026-11-22T17:57:50+00:00"


@pytest.mark.parametrize(("code", "kind"), [("provider_rejected", JobFailed), ("output_refused", JobRefused)])
def test_a_failed_job_is_an_error_with_the_job(scripted: Scripted, code: str, kind: type[JobFailed]) -> None:
    scripted.answers(ok({**JOB, "status": "failed", "error": {**FAILED, "code": code}}, **{"x-request-id": "r1"}))

    with pytest.raises(kind, match=r"No\.") as caught:
        scripted.client().run("flux-pro", prompt="A fox")

    error = caught.value
    assert (type(error), error.code, error.retryable, error.charged, error.request_id) == (kind, code, True, True, "r1")
    assert error.job is not None
    assert error.job.job_id == JOB["jobId"]


def test_a_cancelled_job_is_not_charged(scripted: Scripted) -> None:
    scripted.answers(ok({**JOB, "status": "cancelled"}))

    with pytest.raises(JobCancelled) as caught:
        scripted.client().run("flux-pro", prompt="A fox")

    assert (caught.value.charged, caught.value.retryable) == (False, False)


@pytest.mark.parametrize("answer", [httpx.Response(200, text="<html>"), ok([]), ok({"hello": 1})])
def test_another_service_is_told_apart(scripted: Scripted, answer: httpx.Response) -> None:
    scripted.answers(answer)

    with pytest.raises(UnexpectedResponse):
        scripted.client().usage()


def test_an_error_of_a_proxy_is_an_api_error(scripted: Scripted) -> None:
    scripted.answers(httpx.Response(418, text="<html>teapot</html>"))

    with pytest.raises(ApiError, match="418"):
        scripted.client().job("1")


def test_members_that_are_not_known_are_kept_in_raw(scripted: Scripted) -> None:
    scripted.answers(ok({**JOB, "status": "paused", "newMember": 7}))

    job = scripted.client().job("1")

    assert (job.status, job.ended, job.raw["newMember"]) == ("paused", False, 7)


def test_the_bucket_is_not_sent_the_key(scripted: Scripted) -> None:
    data = png()
    scripted.answers(
        ok(with_image(data)),
        httpx.Response(302, headers={"location": "http://bucket/signed"}),
        httpx.Response(200, content=data),
    )

    assert scripted.client().job("1").images[0].read() == data
    assert scripted.sent("authorization") == [f"Bearer {KEY}"] * 2 + [None]
    assert str(scripted.requests[1].url) == f"http://service/api/images/{JOB['jobId']}/0"


def test_other_bytes_than_were_stored_are_not_taken(scripted: Scripted) -> None:
    scripted.answers(
        ok(with_image(b"x")),
        httpx.Response(302, headers={"location": "http://bucket/signed"}),
        httpx.Response(200, content=b"y"),
    )

    with pytest.raises(UnexpectedResponse):
        scripted.client(retry_for=0).job("1").images[0].read()


@pytest.mark.parametrize(
    ("sent", "given"),
    [
        ({"link": "/i/token"}, "http://service/i/token"),
        ({"link": "https://images.example.com/i/token"}, "https://images.example.com/i/token"),
        ({}, "http://bucket/x"),  # of a service of version 0.1.0
    ],
)
def test_link_of_an_image_is_absolute(scripted: Scripted, sent: Mapping[str, str], given: str) -> None:
    job = with_image(b"x")
    (image,) = job["images"]
    scripted.answers(ok({**job, "images": [{**image, **sent}]}))

    assert scripted.client().job("1").images[0].link == given


def test_a_notebook_shows_the_image(scripted: Scripted) -> None:
    data = png()
    shown = [httpx.Response(200, content=data)] * 3
    scripted.answers(ok(with_image(data)), *shown)
    job = scripted.client().job("1")
    (image,) = job.images

    assert shown_as("png", image) == data
    assert shown_as("jpeg", image) is None
    assert shown_as("html", image).startswith('<img src="data:image/png;base64,')
    assert "flux-pro · completed · $0.05" in shown_as("html", job)


def test_a_notebook_shows_the_link_of_an_image_that_cannot_be_read(scripted: Scripted) -> None:
    scripted.answers(ok(with_image(b"x")), problem(404, "job_not_found"))

    assert 'src="http://bucket/x"' in shown_as("html", scripted.client().job("1").images[0])


def test_the_key_is_never_shown(scripted: Scripted) -> None:
    scripted.answers(ok(with_image(b"x")), problem(401, "unauthorized"), httpx.ConnectError("refused"))
    client = scripted.client(retry_for=0)
    job = client.job("1")
    shown = [repr(client), str(client), repr(job), repr(job.images), repr(Imagegen("http://u:secret-word@host"))]
    for _ in range(2):
        try:
            client.job("1")
        except ImagegenError as error:
            shown += [str(error), repr(error), repr(vars(error)), "".join(traceback.format_exception(error))]

    assert len(shown) == 13
    assert [text for text in shown if KEY in text or "secret-word" in text] == []


@pytest.mark.parametrize("key", ["ig_a b", "ig_a\n", "ig_\x7f"])
def test_a_key_that_cannot_be_sent_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(ValueError, match="API key") as caught:
        Imagegen(api_key=key)

    assert key not in str(caught.value)
