"""fal's id of a request comes from several sides at once: the submit, a webhook, fal's history, another job."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, cast
from uuid import uuid4

import pytest

from imagegen.clock import now
from imagegen.engine.leased_job import LeasedJob
from imagegen.engine.lost_requests import _claim_request  # pyright: ignore[reportPrivateUsage] - the race is in it
from imagegen.engine.submission import (
    _mark_unconfirmed,  # pyright: ignore[reportPrivateUsage] - the race is in it
    _save_request,  # pyright: ignore[reportPrivateUsage] - the race is in it
)
from imagegen.errors import StaleJob
from imagegen.jobs import Job, ProviderRequest, SubmissionState
from imagegen.operations.adopt_request import adopt
from imagegen.registry import load_registry
from imagegen.services import Services, open_services
from imagegen.settings import Settings
from imagegen.storage.jobs.store import Jobs
from tests.support.jobs_apart import a_job, apart

LEASE = timedelta(seconds=30)


@pytest.fixture(scope="module")
async def services(stack: Settings) -> AsyncGenerator[Services]:
    registry = await asyncio.to_thread(load_registry)
    async with open_services(apart(stack), registry) as opened:
        yield opened


def request() -> ProviderRequest:
    return ProviderRequest(request_id=uuid4().hex, status_url="s", response_url="u", cancel_url="c")


async def sending(services: Services) -> LeasedJob:
    """A job whose submit is in flight."""
    job, _ = await services.jobs.insert(a_job())
    claimed = await services.jobs.claim(job.id, services.runner, LEASE)
    assert claimed is not None
    leased = LeasedJob(claimed, services)
    await leased.save(leased.job.submitting(now()))
    return leased


async def owned_request(services: Services) -> ProviderRequest:
    """A request that another job has."""
    taken = request()
    await (other := await sending(services)).save(other.job.submitted(taken))
    return taken


@dataclass
class StaleReads:
    """Jobs whose first read is an older state."""

    jobs: Jobs
    older: Job | None

    async def get(self, job_id: str) -> Job:
        older, self.older = self.older, None
        return older or await self.jobs.get(job_id)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.jobs, name)


async def test_id_is_adopted_although_the_job_changes_meanwhile(services: Services) -> None:
    leased = await sending(services)
    before = leased.job
    await leased.save(leased.job.unconfirmed())
    racing = replace(services, jobs=cast("Jobs", StaleReads(services.jobs, before)))

    assert await adopt(before.id, found := request(), racing)
    assert (await services.jobs.get(before.id)).submission.request == found


async def test_id_of_another_job_is_not_adopted(services: Services) -> None:
    leased, taken = await sending(services), await owned_request(services)

    assert not await adopt(leased.job.id, taken, services)
    assert (await services.jobs.get(leased.job.id)).submission.request is None


async def test_submit_that_returns_the_id_of_another_job_is_unconfirmed(services: Services) -> None:
    leased, taken = await sending(services), await owned_request(services)

    await _save_request(leased, taken, services)

    assert leased.job.submission.state is SubmissionState.UNKNOWN
    assert await services.jobs.get(leased.job.id) == leased.job


async def test_id_that_a_webhook_brought_first_is_kept(services: Services) -> None:
    leased, found = await sending(services), request()
    await adopt(leased.job.id, found, services)

    await _save_request(leased, found, services)

    assert leased.job.submission.request == found


async def test_id_that_a_webhook_brought_after_a_lost_response_is_kept(services: Services) -> None:
    leased, found = await sending(services), request()
    await adopt(leased.job.id, found, services)

    await _mark_unconfirmed(leased)

    assert (leased.job.submission.state, leased.job.submission.request) == (SubmissionState.SUBMITTED, found)


async def test_id_is_stored_for_the_next_runner_if_the_lease_is_lost(services: Services) -> None:
    leased, found = await sending(services), request()
    await services.jobs.renew(leased.job, timedelta(0))
    assert await services.jobs.claim(leased.job.id, "another", LEASE) is not None

    with pytest.raises(StaleJob):
        await _save_request(leased, found, services)

    stored = await services.jobs.get(leased.job.id)
    assert (stored.submission.request, stored.lease.runner) == (found, "another")


async def test_found_id_of_another_job_is_not_claimed(services: Services) -> None:
    leased, taken = await sending(services), await owned_request(services)

    assert not await _claim_request(leased, taken)
    assert (await services.jobs.get(leased.job.id)).submission.request is None


async def test_found_id_that_a_webhook_brought_first_counts_as_claimed(services: Services) -> None:
    leased, found = await sending(services), request()
    await adopt(leased.job.id, found, services)

    assert await _claim_request(leased, found)
    assert leased.job.submission.request == found
