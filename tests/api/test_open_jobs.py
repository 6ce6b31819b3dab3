"""Open jobs of keys and users: how many may be unfinished at once, at every door for new jobs."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from dirty_equals import IsPartialDict, IsStr

from imagegen.keys import DEFAULT_SCOPES, KeyScope, Rates, key_id_of
from imagegen.settings import RateSettings, Settings
from tests.support.keys import add_key, bearer
from tests.support.service import FLUX, ITEM, Json, Service, running
from tests.support.several_processes import sharing
from tests.support.structured_fields import read_list


@asynccontextmanager
async def limited(
    own: Settings,
    open_jobs: int | None = None,
    *,
    requests: int | None = None,
    with_runner: bool = False,
    defaults: RateSettings | None = None,
    scopes: Sequence[KeyScope] = DEFAULT_SCOPES,
) -> AsyncGenerator[Service]:
    """A service whose client has a key with this limit; without a runner, no job ends by itself."""
    token = await add_key(own, rates=Rates(requests_per_minute=requests, open_jobs=open_jobs), scopes=scopes)
    settings = own.model_copy(update={"rates": defaults or RateSettings()})
    async with running(settings, with_runner=with_runner) as service:
        service.client.headers.update(bearer(token))
        yield service


async def accepted(service: Service, user_id: str = "user123", **headers: str) -> httpx.Response:
    return await service.generate({**FLUX, "userId": user_id}, prefer="respond-async", **headers)


def remaining(answer: httpx.Response) -> dict[str, int]:
    """What `RateLimit` says is left of each limit."""
    (field,) = answer.headers.get_list("RateLimit")
    return {name: int(parameters["r"]) for name, parameters in read_list(field).items()}


def statuses(answers: Sequence[httpx.Response]) -> list[int]:
    return [answer.status_code for answer in answers]


async def test_of_50_requests_at_once_exactly_3_are_accepted(own: Settings) -> None:
    async with limited(own, 3) as service:
        answers = await asyncio.gather(*(accepted(service) for _ in range(50)))
        jobs = (await service.client.get("/api/jobs")).json()["jobs"]
        drift = await service.services.budget_reconciliation.audit()

    assert (statuses(answers).count(202), statuses(answers).count(429), len(jobs), drift) == (3, 47, 3, [])
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.headers["Retry-After"] == "5"
    assert refused.headers["RateLimit-Policy"] == '"key-open-jobs";q=3;qu="concurrent-requests"'
    assert refused.headers["RateLimit"] == '"key-open-jobs";r=0'
    assert refused.json() == IsPartialDict(
        code="rate_limited",
        retryable=True,
        detail=IsStr(regex="Too many unfinished jobs: key-open-jobs .3 at once.*"),
        limits=[{"name": "key-open-jobs", "limit": 3, "remaining": 0, "freeAt": IsStr}],
    )


async def test_a_caller_that_waits_for_each_job_is_never_refused(own: Settings) -> None:
    async with limited(own, 1, with_runner=True) as service:
        answers = [await service.generate() for _ in range(3)]

    assert statuses(answers) == [200] * 3


async def test_a_cancelled_job_makes_room(own: Settings) -> None:
    async with limited(own, 1) as service:
        first = await accepted(service)
        refused = await accepted(service)
        await service.cancel(first.json()["jobId"])
        passed = await accepted(service)

    assert statuses([first, refused, passed]) == [202, 429, 202]


async def test_a_batch_takes_one_for_each_job_or_nothing(own: Settings) -> None:
    async with limited(own, 4) as service:
        never = await service.batch(*[ITEM] * 5)
        passed = await service.batch(*[ITEM] * 3, idempotency_key="b")
        again = await service.batch(*[ITEM] * 3, idempotency_key="b")
        refused = await service.batch(*[ITEM] * 2)
        last = await accepted(service)

    assert statuses([never, passed, again, refused, last]) == [403, 202, 202, 429, 202]
    assert [remaining(answer) for answer in (passed, refused, last)] == [{"key-open-jobs": left} for left in (1, 1, 0)]
    assert never.json() == IsPartialDict(
        code="beyond_rate", detail=IsStr(regex="This asks for 5 jobs at once, but key-open-jobs permits 4 at once.*")
    )


async def test_a_partial_batch_is_refused_as_a_whole(own: Settings) -> None:
    async with limited(own, 3) as service:
        await accepted(service)
        body = {"userId": "user123", "requests": [ITEM] * 3, "partial": True}
        refused = await service.client.post("/api/images/batch", json=body)
        jobs = (await service.client.get("/api/jobs")).json()["jobs"]

    assert (refused.status_code, len(jobs)) == (429, 1)


async def test_jobs_of_a_partial_batch_that_budgets_cut_are_not_open(own: Settings) -> None:
    async with limited(own, 4, scopes=list(KeyScope)) as service:
        budget = {"name": "all", "scope": {"kind": "all"}, "amount": 0.10}
        assert (await service.client.post("/api/budgets", json=budget)).status_code == 201
        body = {"userId": "user123", "requests": [ITEM] * 4, "partial": True}
        passed = await service.client.post("/api/images/batch", json=body)
        drift = await service.services.budget_reconciliation.audit()

    assert (passed.status_code, len(passed.json()["refused"]), remaining(passed)) == (202, 2, {"key-open-jobs": 2})
    assert drift == []


async def test_a_replay_takes_nothing(own: Settings) -> None:
    async with limited(own, 2) as service:
        answers = [await accepted(service, idempotency_key="one") for _ in range(3)]
        at_once = await asyncio.gather(*(accepted(service, idempotency_key="one") for _ in range(4)))
        last = await accepted(service)
        refused = await accepted(service)

    assert statuses([*answers, *at_once, last, refused]) == [*[202] * 8, 429]


async def test_the_same_request_sent_twice_at_once_takes_one(own: Settings) -> None:
    async with limited(own, 5) as service:
        await asyncio.gather(*(accepted(service, idempotency_key="twice") for _ in range(4)))
        after = await accepted(service)

    assert remaining(after) == {"key-open-jobs": 3}


async def test_a_retry_takes_one(own: Settings) -> None:
    async with limited(own, 1) as service:
        job_id = (await accepted(service)).json()["jobId"]
        await service.cancel(job_id)
        answers = [await service.retry(job_id, prefer="respond-async") for _ in range(2)]

    assert statuses(answers) == [202, 429]


async def test_a_refusal_gives_back_the_rates(own: Settings) -> None:
    async with limited(own, 1, requests=5) as service:
        answers = [await accepted(service) for _ in range(3)]

    assert [(answer.status_code, remaining(answer)) for answer in answers] == [
        (202, {"key-requests": 4, "key-open-jobs": 0}),
        (429, {"key-requests": 4, "key-open-jobs": 0}),
        (429, {"key-requests": 4, "key-open-jobs": 0}),
    ]


async def test_what_budgets_refuse_is_not_open(own: Settings) -> None:
    async with limited(own, 2, scopes=list(KeyScope)) as service:
        budget = {"name": "all", "scope": {"kind": "all"}, "amount": 0.05}
        await service.client.post("/api/budgets", json=budget)
        answers = [await accepted(service) for _ in range(3)]
        job = await service.job(answers[0].json()["jobId"])
        (listed,) = (await service.client.get("/api/budgets")).json()["budgets"]
        await service.client.patch(f"/api/budgets/{listed['id']}", json={"amount": 1})
        passed = await accepted(service)

    assert statuses([*answers, passed]) == [202, 402, 402, 202]
    assert remaining(passed) == {"key-open-jobs": 0}
    assert [each["name"] for each in job["budgets"]] == ["all"]


async def test_each_user_has_the_limit_and_the_key_gets_back_what_the_user_refuses(own: Settings) -> None:
    defaults = RateSettings(key_open_jobs=3, user_open_jobs=1)
    async with limited(own, defaults=defaults) as service:
        ann, again, bob = [await accepted(service, user) for user in ("ann", "ann", "bob")]
        both = await service.batch(*[ITEM] * 2, user_id="ann")
        await accepted(service, "carl")
        all_refuse = await accepted(service, "carl")

    assert [(answer.status_code, remaining(answer)) for answer in (ann, again, bob)] == [
        (202, {"key-open-jobs": 2, "user-open-jobs": 0}),
        (429, {"key-open-jobs": 2, "user-open-jobs": 0}),
        (202, {"key-open-jobs": 1, "user-open-jobs": 0}),
    ]
    assert both.status_code == 403
    assert [limit["name"] for limit in again.json()["limits"]] == ["user-open-jobs"]
    assert [limit["name"] for limit in all_refuse.json()["limits"]] == ["key-open-jobs", "user-open-jobs"]


async def test_a_changed_limit_holds_for_the_next_request(own: Settings) -> None:
    root = await add_key(own, "root", scopes=list(KeyScope))
    async with limited(own, 3) as service:
        token = service.client.headers["Authorization"].removeprefix("Bearer ")

        async def change(open_jobs: int | None) -> Json:
            body = {"rates": {"openJobs": open_jobs}}
            return (
                await service.client.patch(f"/api/keys/{key_id_of(token)}", json=body, headers=bearer(root))
            ).json()["rates"]

        await accepted(service)
        await accepted(service)
        lowered = await change(1)
        refused = await accepted(service)
        await change(3)
        raised = await accepted(service)
        await change(None)
        unlimited = await accepted(service)

    assert lowered == {"requestsPerMinute": None, "imagesPerMinute": None, "openJobs": 1}
    assert [(answer.status_code, remaining(answer)) for answer in (refused, raised)] == [
        (429, {"key-open-jobs": 0}),
        (202, {"key-open-jobs": 0}),
    ]
    assert (unlimited.status_code, "RateLimit" in unlimited.headers) == (202, False)


async def test_a_changed_setting_holds_for_keys_that_did_not_change(own: Settings) -> None:
    for most, expected in ((2, [202, 202, 429]), (1, [429]), (3, [202, 429])):
        settings = own.model_copy(update={"rates": RateSettings(user_open_jobs=most)})
        async with running(settings, with_runner=False) as service:
            assert statuses([await accepted(service) for _ in expected]) == expected


@pytest.mark.slow
async def test_two_processes_share_one_limit(own: Settings, tmp_path: Path) -> None:
    token = await add_key(own, rates=Rates(open_jobs=5))
    async with sharing(own, tmp_path) as service:
        headers = {**bearer(token), "Prefer": "respond-async"}
        limits = httpx.Limits(max_connections=40)
        async with httpx.AsyncClient(base_url=service.client.base_url, timeout=60, limits=limits) as client:

            async def open_now() -> int:
                found = (await client.get("/api/jobs", params={"limit": 100}, headers=headers)).json()["jobs"]
                return sum(job["status"] in {"queued", "running"} for job in found)

            sent = [
                asyncio.ensure_future(client.post("/api/images/generate", json=FLUX, headers=headers))
                for _ in range(100)
            ]
            seen = [await open_now() for _ in range(20)]
            answers = await asyncio.gather(*sent)

    assert set(statuses(answers)) == {202, 429}
    assert statuses(answers).count(202) >= 5
    assert max(seen) <= 5
