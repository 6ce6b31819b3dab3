"""What changes a job from outside of its lease: a late id, a wish to cancel."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest
from jobs_apart import a_job, apart

from imagegen.errors import RequestOwned, StaleJob
from imagegen.jobs import SUBMISSION_UNKNOWN, Job, JobError, JobStatus, Lease, ProviderRequest, SubmissionState
from imagegen.settings import Settings
from imagegen.storage.jobs import Jobs, open_jobs
from imagegen.storage.usage import Grouping, Sums, UsageFilter
from imagegen.wiring import now

LEASE = timedelta(seconds=30)
UNKNOWN = JobError(code=SUBMISSION_UNKNOWN, message="nobody knows")


@pytest.fixture(scope="module")
async def jobs(stack: Settings) -> AsyncGenerator[Jobs]:
    async with open_jobs(apart(stack).mongodb) as opened:
        yield opened


def request(request_id: str = "") -> ProviderRequest:
    return ProviderRequest(request_id=request_id or uuid4().hex, status_url="s", response_url="u", cancel_url="c")


async def sending(jobs: Jobs) -> Job:
    """A job whose submit is under way, under a lease."""
    job, _ = await jobs.insert(a_job())
    claim = await jobs.claim(job.id, "runner", LEASE)
    assert claim is not None
    return await jobs.save(claim.submitting(now()))


async def test_a_late_id_is_stored_while_somebody_holds_the_lease_who_then_finds_it(jobs: Jobs) -> None:
    job = await sending(jobs)
    late = job.with_late_id(request())

    await jobs.late_ids.adopt(late)

    with pytest.raises(StaleJob):
        await jobs.save(job.submitted(request()))
    assert await jobs.get(job.id) == late
    assert await jobs.renew(late, LEASE) is None


async def test_a_late_id_that_was_read_too_early_is_stale(jobs: Jobs) -> None:
    job = await sending(jobs)
    held = await jobs.save(job.lost())

    with pytest.raises(StaleJob):
        await jobs.late_ids.adopt(job.with_late_id(request()))

    assert await jobs.get(job.id) == held


async def test_a_failed_job_runs_again_held_by_nobody(jobs: Jobs) -> None:
    failed = await jobs.save((await sending(jobs)).failed_as_unknown(UNKNOWN, now()))
    late = failed.with_late_id(request())

    await jobs.late_ids.revive(failed, late)

    with pytest.raises(StaleJob):
        await jobs.renew(failed, LEASE)
    assert await jobs.get(failed.id) == replace(late, lease=Lease(epoch=1))
    assert await jobs.claim(failed.id, "next", LEASE) is not None


@pytest.mark.parametrize("verb", ["save", "adopt", "revive"])
async def test_no_two_jobs_have_one_request(jobs: Jobs, verb: str) -> None:
    owner, other = await sending(jobs), await sending(jobs)
    known = await jobs.save(owner.submitted(request()))
    assert known.submission.request is not None
    if verb == "revive":
        other = await jobs.save(other.failed_as_unknown(UNKNOWN, now()))
    stolen = other.with_late_id(known.submission.request)
    verbs = {"save": jobs.save, "adopt": jobs.late_ids.adopt, "revive": partial(jobs.late_ids.revive, other)}

    with pytest.raises(RequestOwned):
        await verbs[verb](stolen)

    assert (await jobs.get(other.id)).submission.request is None
    its_id = known.submission.request.request_id
    assert await jobs.late_ids.owned([its_id, "another"]) == {its_id}


async def test_a_job_that_runs_again_is_taken_out_of_the_usage(stack: Settings) -> None:
    async with open_jobs(apart(stack).mongodb) as jobs:
        failed = await jobs.save((await sending(jobs)).failed_as_unknown(UNKNOWN, now()))
        counted = await jobs.usage.sums(UsageFilter(), Grouping.MODEL)
        await jobs.late_ids.revive(failed, failed.with_late_id(request()))
        after = await jobs.usage.sums(UsageFilter(), Grouping.MODEL)
        differences = await jobs.usage.differences()

    assert (counted, after, differences) == (
        {"flux-pro": Sums(jobs=1, failed=1, unpriced_jobs=1)},
        {"flux-pro": Sums()},
        [],
    )


async def test_a_deleted_job_does_not_run_again(jobs: Jobs) -> None:
    failed = await jobs.save((await sending(jobs)).failed_as_unknown(UNKNOWN, now()))
    late = failed.with_late_id(request())
    buried = await jobs.removals.bury(failed.deleted(now()))

    with pytest.raises(StaleJob):
        await jobs.late_ids.revive(failed, late)

    assert not buried.can_take_a_late_id


async def test_a_wish_is_noted_beside_the_holders_moves(jobs: Jobs) -> None:
    job = await sending(jobs)

    noted = [await jobs.wish_cancelled(job.id) for _ in range(2)]
    moved = await jobs.save(job.submitted(request()))

    since = await jobs.wish(job.id)
    assert (noted, since is not None, await jobs.renew(moved, LEASE)) == ([True, True], True, since)
    assert await jobs.get(job.id) == replace(moved, cancel_requested_at=since, lease=(await jobs.get(job.id)).lease)


async def test_a_job_that_has_ended_takes_no_wish(jobs: Jobs) -> None:
    job = await sending(jobs)
    await jobs.save(job.failed(UNKNOWN, now()))

    assert (await jobs.wish_cancelled(job.id), await jobs.wish(job.id)) == (False, None)


async def test_a_queued_job_is_cancelled_by_whoever_is_first(jobs: Jobs) -> None:
    job, _ = await jobs.insert(a_job())
    claim = await jobs.claim(job.id, "runner", LEASE)
    assert claim is not None

    cancelled = await jobs.save(claim.cancelled(now()))

    with pytest.raises(StaleJob):
        await jobs.save(claim.submitting(now()))
    assert (cancelled.status, (await jobs.get(job.id)).status) == (JobStatus.CANCELLED, JobStatus.CANCELLED)


async def test_the_others_that_may_have_sent_the_same_request_are_told(stack: Settings) -> None:
    async with open_jobs(apart(stack).mongodb) as jobs:
        mine, being_sent, held, known, failed = [await sending(jobs) for _ in range(5)]
        await jobs.save(held.lost())
        await jobs.save(known.submitted(request()))
        await jobs.save(failed.failed_as_unknown(UNKNOWN, now()))
        other, _ = await jobs.insert(replace(a_job(), payload={"prompt": "a coat"}))
        claim = await jobs.claim(other.id, "runner", LEASE)
        assert claim is not None
        await jobs.save(claim.submitting(now()))

        assert sorted(await jobs.late_ids.others_like(mine)) == [SubmissionState.SUBMITTING, SubmissionState.UNKNOWN]
        assert being_sent.submission.state is SubmissionState.SUBMITTING
