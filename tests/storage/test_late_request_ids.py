"""Changes to a job from outside its lease: late request ids and cancel requests."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest

from imagegen.clock import now
from imagegen.errors import RequestOwned, StaleJob
from imagegen.jobs import SUBMISSION_UNKNOWN, Job, JobError, JobStatus, Lease, ProviderRequest, SubmissionState
from imagegen.settings import Settings
from imagegen.storage.jobs.store import Jobs
from imagegen.storage.stores import Stores, open_stores
from imagegen.storage.usage.store import Grouping, Sums, UsageFilter
from tests.support.jobs_apart import a_job, apart

LEASE = timedelta(seconds=30)
UNKNOWN = JobError(code=SUBMISSION_UNKNOWN, message="nobody knows")


def request(request_id: str = "") -> ProviderRequest:
    return ProviderRequest(request_id=request_id or uuid4().hex, status_url="s", response_url="u", cancel_url="c")


async def sending(jobs: Jobs) -> Job:
    """A leased job whose submit is in flight."""
    job, _ = await jobs.insert(a_job())
    claim = await jobs.claim(job.id, "runner", LEASE)
    assert claim is not None
    return await jobs.save(claim.submitting(now()))


async def test_late_id_is_stored_while_a_runner_holds_the_lease(stores: Stores, jobs: Jobs) -> None:
    job = await sending(jobs)
    late = job.with_late_request_id(request())

    await stores.late_request_ids.adopt(late)

    with pytest.raises(StaleJob):
        await jobs.save(job.submitted(request()))
    assert await jobs.get(job.id) == late
    assert await jobs.renew(late, LEASE) is None


async def test_late_id_for_an_older_version_is_stale(stores: Stores, jobs: Jobs) -> None:
    job = await sending(jobs)
    held = await jobs.save(job.unconfirmed())

    with pytest.raises(StaleJob):
        await stores.late_request_ids.adopt(job.with_late_request_id(request()))

    assert await jobs.get(job.id) == held


async def test_revived_job_runs_again_without_a_lease(stores: Stores, jobs: Jobs) -> None:
    failed = await jobs.save((await sending(jobs)).failed_as_unknown(UNKNOWN, now()))
    late = failed.with_late_request_id(request())

    await stores.late_request_ids.revive(failed, late)

    with pytest.raises(StaleJob):
        await jobs.renew(failed, LEASE)
    assert await jobs.get(failed.id) == replace(late, lease=Lease(epoch=1))
    assert await jobs.claim(failed.id, "next", LEASE) is not None


@pytest.mark.parametrize("verb", ["save", "adopt", "revive"])
async def test_two_jobs_never_share_a_request(stores: Stores, jobs: Jobs, verb: str) -> None:
    owner, other = await sending(jobs), await sending(jobs)
    known = await jobs.save(owner.submitted(request()))
    assert known.submission.request is not None
    if verb == "revive":
        other = await jobs.save(other.failed_as_unknown(UNKNOWN, now()))
    stolen = other.with_late_request_id(known.submission.request)
    verbs = {
        "save": jobs.save,
        "adopt": stores.late_request_ids.adopt,
        "revive": partial(stores.late_request_ids.revive, other),
    }

    with pytest.raises(RequestOwned):
        await verbs[verb](stolen)

    assert (await jobs.get(other.id)).submission.request is None
    its_id = known.submission.request.request_id
    assert await stores.late_request_ids.find_owned([its_id, "another"]) == {its_id}


async def test_revived_job_is_subtracted_from_the_usage(stack: Settings) -> None:
    async with open_stores(apart(stack).mongodb) as stores:
        jobs = stores.jobs
        failed = await jobs.save((await sending(jobs)).failed_as_unknown(UNKNOWN, now()))
        counted = (await stores.usage.sums(UsageFilter(), Grouping.MODEL)).groups
        await stores.late_request_ids.revive(failed, failed.with_late_request_id(request()))
        after = (await stores.usage.sums(UsageFilter(), Grouping.MODEL)).groups
        differences = await stores.usage.find_differences()

    assert (counted, after, differences) == (
        {"flux-pro": Sums(jobs=1, failed=1, unpriced_jobs=1)},
        {"flux-pro": Sums()},
        [],
    )


async def test_deleted_job_is_not_revived(stores: Stores, jobs: Jobs) -> None:
    failed = await jobs.save((await sending(jobs)).failed_as_unknown(UNKNOWN, now()))
    late = failed.with_late_request_id(request())
    buried = await stores.removals.create_tombstone(failed.deleted(now()))

    with pytest.raises(StaleJob):
        await stores.late_request_ids.revive(failed, late)

    assert not buried.accepts_late_request_id


async def test_cancel_request_is_recorded_beside_transitions(jobs: Jobs) -> None:
    job = await sending(jobs)

    noted = [await jobs.request_cancel(job.id) for _ in range(2)]
    moved = await jobs.save(job.submitted(request()))

    since = await jobs.cancel_requested_at(job.id)
    assert (noted, since is not None, await jobs.renew(moved, LEASE)) == ([True, True], True, since)
    assert await jobs.get(job.id) == replace(moved, cancel_requested_at=since, lease=(await jobs.get(job.id)).lease)


async def test_ended_job_accepts_no_cancel_request(jobs: Jobs) -> None:
    job = await sending(jobs)
    await jobs.save(job.failed(UNKNOWN, now()))

    assert (await jobs.request_cancel(job.id), await jobs.cancel_requested_at(job.id)) == (False, None)


async def test_queued_job_is_cancelled_by_the_first_writer(jobs: Jobs) -> None:
    job, _ = await jobs.insert(a_job())
    claim = await jobs.claim(job.id, "runner", LEASE)
    assert claim is not None

    cancelled = await jobs.save(claim.cancelled(now()))

    with pytest.raises(StaleJob):
        await jobs.save(claim.submitting(now()))
    assert (cancelled.status, (await jobs.get(job.id)).status) == (JobStatus.CANCELLED, JobStatus.CANCELLED)


async def test_similar_lost_submissions_are_found(stack: Settings) -> None:
    async with open_stores(apart(stack).mongodb) as stores:
        jobs = stores.jobs
        mine, being_sent, held, known, failed = [await sending(jobs) for _ in range(5)]
        await jobs.save(held.unconfirmed())
        await jobs.save(known.submitted(request()))
        await jobs.save(failed.failed_as_unknown(UNKNOWN, now()))
        other, _ = await jobs.insert(replace(a_job(), payload={"prompt": "a coat"}))
        claim = await jobs.claim(other.id, "runner", LEASE)
        assert claim is not None
        await jobs.save(claim.submitting(now()))

        assert sorted(await stores.late_request_ids.similar_lost_submissions(mine)) == [
            SubmissionState.SUBMITTING,
            SubmissionState.UNKNOWN,
        ]
        assert being_sent.submission.state is SubmissionState.SUBMITTING
