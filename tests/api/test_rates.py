"""Rates of keys and users at every door for new jobs: what counts, what is refused, and what the headers say."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from dirty_equals import IsPartialDict, IsStr

from imagegen.keys import DEFAULT_SCOPES, KeyScope, Rates, key_id_of
from imagegen.settings import RateSettings, Settings
from imagegen.storage.mongodb import open_collection
from tests.support.door import door, through
from tests.support.keys import add_key, bearer
from tests.support.service import FLUX, ITEM, Json, Service, running
from tests.support.several_processes import sharing
from tests.support.structured_fields import Value, read_list

FOUR: Json = {**FLUX, "options": {"num_images": 4}}
TWO: Json = {**FLUX, "options": {"num_images": 2}}
ITEM_OF_TWO: Json = {**ITEM, "options": {"num_images": 2}}
PLACES = {
    "jobId": "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "batchId": "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "number": "0",
    "keyId": "ab12cd34ef",
    "budgetId": "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "name": "flux-pro",
}


def of_user(user_id: str, body: Json = FLUX) -> Json:
    return {**body, "userId": user_id}


@asynccontextmanager
async def limited(
    own: Settings,
    requests: int | None = None,
    images: int | None = None,
    *,
    with_runner: bool = False,
    defaults: RateSettings | None = None,
    scopes: Sequence[KeyScope] = DEFAULT_SCOPES,
) -> AsyncGenerator[Service]:
    """A service whose client has a key with these rates; `defaults` are those of the settings."""
    token = await add_key(own, rates=Rates(requests_per_minute=requests, images_per_minute=images), scopes=scopes)
    settings = own.model_copy(update={"rates": defaults or RateSettings()})
    async with running(settings, with_runner=with_runner) as service:
        service.client.headers.update(bearer(token))
        service.client.headers["Prefer"] = "respond-async"
        yield service


async def generated(service: Service, body: Json = FLUX, **headers: str) -> httpx.Response:
    return await service.generate(body, prefer="respond-async", **headers)


def remaining(answer: httpx.Response) -> dict[str, int]:
    """What `RateLimit` says is left of each limit."""
    (field,) = answer.headers.get_list("RateLimit")
    return {name: int(parameters["r"]) for name, parameters in read_list(field).items()}


def policy(answer: httpx.Response) -> Mapping[str, Mapping[str, Value]]:
    """What `RateLimit-Policy` says of each limit."""
    (field,) = answer.headers.get_list("RateLimit-Policy")
    return read_list(field)


@asynccontextmanager
async def watched(own: Settings) -> AsyncGenerator[Callable[[], Awaitable[int]]]:
    """Has MongoDB note every command; the function says how many were about rates."""
    async with open_collection(own.mongodb, "rates", timedelta(seconds=5)) as rates:
        await rates.database.command("profile", 2)
        profile = rates.database["system.profile"]
        yield lambda: profile.count_documents({"ns": rates.full_name})


async def test_a_burst_passes_and_the_next_request_is_refused_with_what_to_wait(own: Settings) -> None:
    async with limited(own, requests=3) as service:
        passed = [await generated(service) for _ in range(3)]
        refused = await generated(service)
        count = len((await service.client.get("/api/jobs")).json()["jobs"])

    assert [answer.status_code for answer in (*passed, refused)] == [202, 202, 202, 429]
    assert [remaining(answer) for answer in (*passed, refused)] == [{"key-requests": left} for left in (2, 1, 0, 0)]
    assert (policy(refused), count) == ({"key-requests": {"q": 3, "w": 60}}, 3)
    assert refused.json() == IsPartialDict(
        code="rate_limited",
        retryable=True,
        limits=[{"name": "key-requests", "limit": 3, "remaining": 0, "freeAt": IsStr}],
    )
    wait = int(refused.headers["Retry-After"])
    assert 15 <= wait <= 20
    free_at = datetime.fromisoformat(refused.json()["limits"][0]["freeAt"])
    told = datetime.strptime(refused.headers["Date"], "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=free_at.tzinfo)
    assert abs((free_at - told).total_seconds() - wait) < 3


async def test_refused_requests_and_replays_and_reads_are_not_counted(own: Settings) -> None:
    async with limited(own, requests=2) as service:
        first = await generated(service, idempotency_key="one")
        again = [await generated(service, idempotency_key="one") for _ in range(3)]
        read = [
            await service.client.get("/api/jobs"),
            await service.client.get(f"/api/jobs/{first.json()['jobId']}"),
            await service.client.post("/api/images/estimate-cost", json={"model": "flux-pro"}),
        ]
        wrong = [
            await generated(service, {**FLUX, "model": "flux-prp"}),
            await generated(service, {**FLUX, "inputs": {}}),
            await generated(service, {**FOUR, "inputs": FLUX["inputs"]}, idempotency_key="one"),
            await service.retry(first.json()["jobId"]),
        ]
        last = await generated(service)

    assert [answer.status_code for answer in (first, *again, *wrong, last)] == [
        202,
        *[202] * 3,
        400,
        400,
        409,
        409,
        202,
    ]
    assert [remaining(answer) for answer in (first, *again, *read, *wrong, last)] == [
        *[{"key-requests": 1}] * 11,
        {"key-requests": 0},
    ]


async def test_requests_whose_images_are_refused_give_back_what_they_took(own: Settings) -> None:
    gone = "https://example.com/none.png"
    body = {"model": "flux-dev-image-to-image", "inputs": {"prompt": "x", "image_url": gone}, "userId": "user123"}
    text = "data:image/png;base64,AAAA"
    async with limited(own, requests=1, images=4) as service:
        refused = await generated(service, {**body, "inputs": {"prompt": "x", "image_url": text}})
        passed = await generated(service, FOUR)

    assert (refused.status_code, passed.status_code, remaining(passed)) == (
        400,
        202,
        {"key-requests": 0, "key-images": 0},
    )


async def test_the_same_request_sent_twice_at_once_counts_once(own: Settings) -> None:
    async with limited(own, requests=10) as service:
        answers = await asyncio.gather(*(generated(service, idempotency_key="twice") for _ in range(4)))
        after = await generated(service)

    assert ({answer.status_code for answer in answers}, remaining(after)) == ({202}, {"key-requests": 8})
    assert len({answer.json()["jobId"] for answer in answers}) == 1


async def test_each_request_of_a_batch_counts_with_all_its_images(own: Settings) -> None:
    async with limited(own, requests=6, images=10) as service:
        passed = await service.batch(*[ITEM_OF_TWO] * 3, idempotency_key="b")
        again = await service.batch(*[ITEM_OF_TWO] * 3, idempotency_key="b")
        refused = await service.batch(*[ITEM_OF_TWO] * 3)
        fits = await service.batch(*[ITEM] * 3)

    assert [answer.status_code for answer in (passed, again, refused, fits)] == [202, 202, 429, 202]
    assert [remaining(answer) for answer in (passed, again, refused, fits)] == [
        {"key-requests": 3, "key-images": 4},
        {"key-requests": 3, "key-images": 4},
        {"key-requests": 3, "key-images": 4},
        {"key-requests": 0, "key-images": 1},
    ]
    assert [limit["name"] for limit in refused.json()["limits"]] == ["key-images"]


async def test_a_batch_of_more_requests_than_a_minute_permits_is_refused_for_good(own: Settings) -> None:
    async with limited(own, requests=3) as service:
        refused = await service.batch(*[ITEM] * 4)
        passed = await service.batch(*[ITEM] * 3)

    assert (refused.status_code, refused.json(), passed.status_code) == (
        403,
        IsPartialDict(code="beyond_rate", detail=IsStr(regex=".*4 requests.*key-requests.*3 a minute.*")),
        202,
    )


async def test_a_retry_counts_as_a_request(own: Settings) -> None:
    async with limited(own, requests=2) as service:
        job_id = (await generated(service)).json()["jobId"]
        await service.cancel(job_id)
        retried = await service.retry(job_id, prefer="respond-async")
        refused = await service.retry(job_id, prefer="respond-async")

    assert [(answer.status_code, remaining(answer)) for answer in (retried, refused)] == [
        (202, {"key-requests": 0}),
        (429, {"key-requests": 0}),
    ]


async def test_more_images_than_a_minute_permits_are_refused_for_good(own: Settings) -> None:
    async with limited(own, requests=1, images=3) as service:
        refused = await generated(service, FOUR)
        passed = await generated(service)

    assert (refused.status_code, refused.headers.get("Retry-After"), refused.json()) == (
        403,
        None,
        IsPartialDict(code="beyond_rate", retryable=False, detail=IsStr(regex=".*4 images.*key-images.*3 a minute.*")),
    )
    assert passed.status_code == 202


async def test_what_the_key_took_is_given_back_if_the_user_is_refused(own: Settings) -> None:
    async with limited(own, requests=5, defaults=RateSettings(user_requests_per_minute=1)) as service:
        ann, too_many, bob = [await generated(service, of_user(user)) for user in ("ann", "ann", "bob")]

    assert [(answer.status_code, remaining(answer)) for answer in (ann, too_many, bob)] == [
        (202, {"key-requests": 4, "user-requests": 0}),
        (429, {"key-requests": 4, "user-requests": 0}),
        (202, {"key-requests": 3, "user-requests": 0}),
    ]
    assert [limit["name"] for limit in too_many.json()["limits"]] == ["user-requests"]


async def test_a_refusal_names_every_limit_that_is_used_up(own: Settings) -> None:
    defaults = RateSettings(user_requests_per_minute=1, user_images_per_minute=5)
    async with limited(own, requests=1, images=4, defaults=defaults) as service:
        await generated(service, FOUR)
        refused = await generated(service, TWO)

    assert [limit["name"] for limit in refused.json()["limits"]] == [
        "key-requests",
        "key-images",
        "user-requests",
        "user-images",
    ]
    assert int(refused.headers["Retry-After"]) in {59, 60}  # a second request in a minute, and not before
    assert policy(refused) == {
        "key-requests": {"q": 1, "w": 60},
        "key-images": {"q": 4, "w": 60, "qu": "images"},
        "user-requests": {"q": 1, "w": 60},
        "user-images": {"q": 5, "w": 60, "qu": "images"},
    }


async def test_the_settings_are_for_keys_without_a_rate_and_for_every_user(own: Settings) -> None:
    defaults = RateSettings(key_requests_per_minute=7, key_images_per_minute=70, user_images_per_minute=700)
    async with limited(own, requests=9, defaults=defaults) as service:
        answer = await generated(service)

    assert remaining(answer) == {"key-requests": 8, "key-images": 69, "user-images": 699}


async def test_a_failed_job_has_the_headers_too(own: Settings) -> None:
    async with limited(own, requests=2, with_runner=True) as service:
        await service.sandbox.misbehaves({"fault": "runner_fails", "status": 500})
        answer = await service.generate(prefer="wait=60")

    assert (answer.status_code, remaining(answer)) == (500, {"key-requests": 1})


async def test_every_answer_to_a_limited_key_has_the_headers(own: Settings) -> None:
    async with limited(own, requests=2, images=2, scopes=list(KeyScope)) as service:
        await generated(service)
        answers = [
            await service.client.request(method.upper(), path.format(**PLACES))
            for path, operations in (await service.client.get("/openapi.json")).json()["paths"].items()
            for method, operation in operations.items()
            if operation.get("security") != []
        ]
        large = await service.client.post("/api/images/generate", content=b" " * 2**21)

    assert {answer.status_code for answer in answers} >= {200, 400, 404}
    assert large.status_code in {413, 415}
    assert [(remaining(answer), list(policy(answer))) for answer in (*answers, large)] == [
        ({"key-requests": 1, "key-images": 1}, ["key-requests", "key-images"])
    ] * (len(answers) + 1)


async def test_what_auth_refuses_and_defects_have_the_headers_too(
    own: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(*_: object) -> None:
        raise ZeroDivisionError

    async with limited(own, requests=5, scopes=[KeyScope.READ]) as service:
        unscoped = await generated(service)
        monkeypatch.setattr(service.services.jobs, "get", break_off)
        broken = await service.client.get(f"/api/jobs/{PLACES['jobId']}")
        unknown = await service.client.get("/api/jobs", headers=bearer(f"ig_0123456789_{'x' * 43}"))
        is_open = await service.client.get("/health/live")

    assert [(answer.status_code, remaining(answer)) for answer in (unscoped, broken)] == [
        (403, {"key-requests": 5}),
        (500, {"key-requests": 5}),
    ]
    assert [(answer.status_code, "RateLimit-Policy" in answer.headers) for answer in (unknown, is_open)] == [
        (401, False),
        (200, False),
    ]


@pytest.mark.parametrize(("requests", "sent"), [(None, 0), (9, 6)])
async def test_without_a_limit_no_command_is_sent(own: Settings, requests: int | None, sent: int) -> None:
    async with limited(own, requests=requests) as service, watched(own) as commands:
        first = await generated(service, idempotency_key="one")
        await service.cancel(first.json()["jobId"])
        answers = [
            first,
            await generated(service, idempotency_key="one"),
            await service.batch(ITEM, ITEM, idempotency_key="two"),
            await service.batch(ITEM, ITEM, idempotency_key="two"),
            await service.retry(first.json()["jobId"]),
        ]
        count = await commands()

    assert (count, ["RateLimit" in answer.headers for answer in answers]) == (sent, [sent > 0] * 5)


async def test_a_changed_rate_holds_for_the_next_request(own: Settings) -> None:
    root = await add_key(own, "root", scopes=list(KeyScope))
    async with limited(own, requests=5) as service:
        token = service.client.headers["Authorization"].removeprefix("Bearer ")

        async def change(rate: int) -> Json:
            body = {"rates": {"requestsPerMinute": rate}}
            answer = await service.client.patch(f"/api/keys/{key_id_of(token)}", json=body, headers=bearer(root))
            return answer.json()["rates"]

        first = [(await generated(service)).status_code for _ in range(2)]
        lowered = await change(2)
        refused = await generated(service)
        await change(10)
        raised = await generated(service)

    assert (first, lowered) == ([202, 202], {"requestsPerMinute": 2, "imagesPerMinute": None, "openJobs": None})
    assert [(answer.status_code, remaining(answer)) for answer in (refused, raised)] == [
        (429, {"key-requests": 0}),
        (202, {"key-requests": 7}),
    ]


async def test_a_key_that_the_last_release_stored_has_the_default_rates(own: Settings) -> None:
    token = await add_key(own)
    async with open_collection(own.mongodb, "apiKeys", timedelta(seconds=5)) as keys:
        await keys.update_one({"_id": key_id_of(token)}, {"$unset": {"rates": ""}})
    settings = own.model_copy(update={"rates": RateSettings(key_requests_per_minute=1)})
    async with running(settings, with_runner=False) as service:
        service.client.headers.update(bearer(token))
        answers = [await generated(service) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [202, 429]


async def test_while_mongodb_is_away_nothing_passes_uncounted(own: Settings) -> None:
    assert own.mongodb.url is not None
    async with door(urlsplit(own.mongodb.url.get_secret_value()).port or 0) as mongodb:
        url = through(own.mongodb.url, mongodb.port)
        behind = own.model_copy(update={"mongodb": own.mongodb.model_copy(update={"url": url})})
        async with limited(behind, requests=5) as service:
            await generated(service)
            await mongodb.shut()
            refused = await generated(service)
            await mongodb.open()
            async with asyncio.timeout(30):
                while (after := await generated(service)).status_code == 503:
                    await asyncio.sleep(0.2)

    assert (refused.status_code, refused.json()["code"], after.status_code) == (503, "unavailable", 202)
    assert (list(policy(refused)), "RateLimit" in refused.headers) == (["key-requests"], False)


@pytest.mark.slow
async def test_two_processes_share_one_limit(own: Settings, tmp_path: Path) -> None:
    token = await add_key(own, rates=Rates(requests_per_minute=10))
    async with sharing(own, tmp_path) as service:
        headers = {**bearer(token), "Prefer": "respond-async"}
        limits = httpx.Limits(max_connections=40)
        async with httpx.AsyncClient(base_url=service.client.base_url, timeout=60, limits=limits) as client:
            sent = [client.post("/api/images/generate", json=FLUX, headers=headers) for _ in range(200)]
            answers = await asyncio.gather(*sent)
            jobs = (await client.get("/api/jobs", params={"limit": 100}, headers=headers)).json()["jobs"]

    passed = [answer for answer in answers if answer.status_code == 202]
    took = 1 + max(answer.elapsed.total_seconds() for answer in answers) / 6
    assert {answer.status_code for answer in answers} == {202, 429}
    assert 10 <= len(passed) <= 10 + took
    assert {answer.json()["jobId"] for answer in passed} == {job["jobId"] for job in jobs}
