import asyncio
from uuid import uuid4

import pytest

from tests.support.service import FLUX, Json, Sandbox, Service

AT_ONCE = {"fault": "latency", "queue": 0, "generation": 0}


@pytest.fixture
async def user(service: Service, sandbox: Sandbox) -> str:
    """A user with five jobs: four of flux-pro, one of which failed, and one of flux-dev."""
    name = f"history-{uuid4()}"
    await sandbox.misbehaves(AT_ONCE)
    for number in range(4):
        await service.generate({**FLUX, "userId": name, "inputs": {"prompt": f"number {number}"}})
    await sandbox.misbehaves(AT_ONCE, {"fault": "model_fails", "times": 1})
    await service.generate({**FLUX, "model": "flux-dev", "userId": name})
    return name


async def listed(service: Service, **query: str) -> list[Json]:
    answer = await service.client.get("/api/jobs", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["jobs"]


async def test_history_is_newest_first_and_equals_the_jobs(service: Service, user: str) -> None:
    jobs = await listed(service, userId=user, type="image-generation")

    assert [job["jobId"] for job in jobs] == sorted((job["jobId"] for job in jobs), reverse=True)
    assert len(jobs) == 5
    again = await service.job(jobs[1]["jobId"])
    assert {**again, "images": None} == {**jobs[1], "images": None}


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"status": "completed"}, 4),
        ({"status": "failed"}, 1),
        ({"model": "flux-dev"}, 1),
        ({"model": "flux-dev", "status": "completed"}, 0),
        ({"type": "something-else"}, 0),
        ({"createdFrom": "2020-01-01T00:00:00Z"}, 5),
        ({"createdTo": "2020-01-01T00:00:00Z"}, 0),
    ],
)
async def test_history_can_be_filtered(service: Service, user: str, query: dict[str, str], count: int) -> None:
    assert len(await listed(service, userId=user, **query)) == count


async def test_history_can_be_bounded_by_time(service: Service, user: str) -> None:
    jobs = await listed(service, userId=user)
    moment = jobs[2]["createdAt"]

    before, since = await asyncio.gather(
        listed(service, userId=user, createdTo=moment), listed(service, userId=user, createdFrom=moment)
    )

    assert [job["jobId"] for job in since + before] == [job["jobId"] for job in jobs]
    assert len(since) == 3


async def test_pages_have_no_gaps_or_repeats(service: Service, user: str) -> None:
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = (await service.client.get("/api/jobs", params={"userId": user, "limit": 2, **cursor})).json()
        seen += [job["jobId"] for job in answer["jobs"]]
        if answer["nextCursor"] is None:
            break
        cursor = {"cursor": answer["nextCursor"]}

    assert seen == [job["jobId"] for job in await listed(service, userId=user)]
