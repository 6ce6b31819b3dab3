"""The usage equals the sums of the ended jobs, also after failures and concurrent writes."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import reduce
from operator import add
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from pydantic import SecretStr

from imagegen.errors import DatabaseUnavailable, StaleJob, StartupError
from imagegen.jobs import Job, JobError, JobStatus
from imagegen.jobs.cost import Cost
from imagegen.local.binaries import MONGOD, find
from imagegen.settings import Settings
from imagegen.storage.jobs.store import Jobs
from imagegen.storage.stores import Stores, open_stores
from imagegen.storage.usage.store import Grouping, Sums, UsageFilter, UsageKey, sums_of
from tests.support.door import door, through
from tests.support.jobs_apart import a_job, apart
from tests.support.processes import free_port
from tests.support.properties import given, settings, st

LEASE = timedelta(seconds=30)
ERROR = JobError(code="provider_rejected", message="no")
MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)


def a_user() -> str:
    return f"user {uuid4().hex}"


async def leased(jobs: Jobs, user: str, model: str = "flux-pro") -> Job:
    job, _ = await jobs.insert(a_job(user_id=user, model=model))
    claimed = await jobs.claim(job.id, "runner", LEASE)
    assert claimed is not None
    return claimed


def completed(job: Job, at: datetime = MIDNIGHT, *, images: int = 2, provider_cost: Decimal | None = None) -> Job:
    cost = Cost(cost_per_image=Decimal("0.05"), num_images=images, provider_cost=provider_cost)
    return replace(job, version=job.version + 1, status=JobStatus.COMPLETED, cost=cost, completed_at=at)


def failed(job: Job, at: datetime = MIDNIGHT) -> Job:
    return job.failed(ERROR, at)


async def total(stores: Stores, user: str) -> Sums:
    return (await stores.usage.sums(UsageFilter(user_id=user), Grouping.MODEL)).total


async def test_completed_job_is_charged_and_failed_job_counted(stores: Stores, jobs: Jobs) -> None:
    user = a_user()
    await jobs.save(completed(await leased(jobs, user), provider_cost=Decimal("0.08")))
    await jobs.save(failed(await leased(jobs, user)))

    assert await total(stores, user) == Sums(
        jobs=2, completed=1, failed=1, images=2, charged=Decimal("0.10"), provider_cost=Decimal("0.08")
    )


async def test_unknown_provider_cost_leaves_the_margin_unknown(stores: Stores, jobs: Jobs) -> None:
    user = a_user()
    await jobs.save(completed(await leased(jobs, user)))
    await jobs.save(completed(await leased(jobs, user), provider_cost=Decimal("0.08")))

    sums = await total(stores, user)

    assert (sums.unpriced_jobs, sums.provider_cost, sums.margin) == (1, Decimal("0.08"), None)


async def test_unfinished_job_changes_no_usage(stores: Stores, jobs: Jobs) -> None:
    user = a_user()
    await jobs.save((await leased(jobs, user)).submitting(MIDNIGHT))

    assert await total(stores, user) == Sums()


async def test_repeated_save_counts_once(stores: Stores, jobs: Jobs) -> None:
    user = a_user()
    end = completed(await leased(jobs, user))

    assert [await jobs.save(end) for _ in range(3)] == [end] * 3
    assert (await total(stores, user)).jobs == 1


async def test_stale_save_counts_nothing(stores: Stores, jobs: Jobs) -> None:
    user = a_user()
    job = await leased(jobs, user)
    await jobs.release_lease(job)
    taken_over = await jobs.claim(job.id, "another", LEASE)
    assert taken_over is not None

    with pytest.raises(StaleJob):
        await jobs.save(completed(job))
    assert await total(stores, user) == Sums()

    await jobs.save(failed(taken_over))
    assert await total(stores, user) == Sums(jobs=1, failed=1)


async def test_one_of_two_concurrent_ends_is_stored_and_counted(stores: Stores, jobs: Jobs) -> None:
    user = a_user()
    job = await leased(jobs, user)

    outcomes = await asyncio.gather(
        jobs.save(completed(job)), jobs.save(failed(job)), jobs.save(completed(job)), return_exceptions=True
    )

    stored = await jobs.get(job.id)
    assert {type(outcome) for outcome in outcomes} <= {Job, StaleJob}
    assert await total(stores, user) == sums_of(stored)


async def test_concurrent_ends_of_one_user_are_all_counted(stores: Stores, jobs: Jobs) -> None:
    user = a_user()
    started = [await leased(jobs, user) for _ in range(60)]

    await asyncio.gather(*(jobs.save(completed(job, images=1)) for job in started))

    assert await total(stores, user) == Sums(
        jobs=60, completed=60, images=60, charged=Decimal("3.00"), unpriced_jobs=60
    )


async def test_end_saved_again_after_a_cut_connection_counts_once(own: Settings, stores: Stores, jobs: Jobs) -> None:
    assert own.mongodb.url is not None
    port = urlsplit(own.mongodb.url.get_secret_value()).port
    assert port is not None
    user, chance = a_user(), random.Random(7)
    started = [await leased(jobs, user) for _ in range(12)]
    async with door(port) as it:
        url = through(own.mongodb.url, it.port)
        async with open_stores(own.mongodb.model_copy(update={"url": url}), timedelta(seconds=0.5)) as proxied:
            for job in started:
                saving = asyncio.create_task(saved_at_last(proxied.jobs, completed(job, images=1)))
                await asyncio.sleep(chance.uniform(0, 0.02))
                await it.shut()
                await it.open()
                await saving

    assert (await total(stores, user)).jobs == 12


async def saved_at_last(jobs: Jobs, job: Job) -> None:
    """Save as a runner does: repeatedly until MongoDB responds."""
    while True:
        try:
            await jobs.save(job)
        except DatabaseUnavailable:
            await asyncio.sleep(0.05)
        else:
            return


async def test_days_and_months_are_in_utc(stores: Stores, jobs: Jobs) -> None:
    user, a_moment = a_user(), timedelta(milliseconds=1)
    east = datetime(2026, 3, 1, 1, tzinfo=UTC).astimezone(tz=None)
    for at in (MIDNIGHT - a_moment, MIDNIGHT, east, MIDNIGHT + timedelta(days=1)):
        await jobs.save(completed(await leased(jobs, user), at))

    async def counted(by: Grouping, first: date | None = None, after_last: date | None = None) -> dict[str, int]:
        wanted = UsageFilter(user_id=user, from_day=first, to_day=after_last)
        return {name: row.jobs for name, row in (await stores.usage.sums(wanted, by)).groups.items()}

    assert await counted(Grouping.DAY) == {"2026-02-28": 1, "2026-03-01": 2, "2026-03-02": 1}
    assert await counted(Grouping.MONTH) == {"2026-02": 1, "2026-03": 3}
    assert await counted(Grouping.DAY, date(2026, 3, 1), date(2026, 3, 2)) == {"2026-03-01": 2}
    assert await counted(Grouping.MODEL, date(2026, 3, 2)) == {"flux-pro": 1}


async def test_sums_of_months_equal_those_of_their_days(stores: Stores, jobs: Jobs) -> None:
    user = a_user()
    for at in (MIDNIGHT - timedelta(days=40), MIDNIGHT - timedelta(seconds=1), MIDNIGHT, MIDNIGHT + timedelta(days=31)):
        await jobs.save(completed(await leased(jobs, user), at))

    async def counts(by: Grouping, begin: date | None, end: date | None) -> dict[str, int]:
        sums = await stores.usage.sums(UsageFilter(user_id=user, from_day=begin, to_day=end), by)
        return {name: found.jobs for name, found in sums.groups.items()}

    february, april = date(2026, 2, 1), date(2026, 4, 1)
    assert await counts(Grouping.MONTH, None, None) == {"2026-01": 1, "2026-02": 1, "2026-03": 1, "2026-04": 1}
    assert await counts(Grouping.MONTH, february, april) == {"2026-02": 1, "2026-03": 1}
    assert await counts(Grouping.MONTH, february, date(2026, 4, 2)) == {"2026-02": 1, "2026-03": 1, "2026-04": 1}
    assert await counts(Grouping.MODEL, february, april) == {"flux-pro": 2}
    assert await counts(Grouping.MODEL, None, date(2026, 4, 2)) == {"flux-pro": 4}


async def test_usage_is_limited_to_the_requested_users(stores: Stores, jobs: Jobs) -> None:
    users = [a_user() for _ in range(5)]
    for number, user in enumerate(users, start=1):
        for _ in range(number):
            await jobs.save(completed(await leased(jobs, user)))

    assert [(await total(stores, user)).jobs for user in users] == [1, 2, 3, 4, 5]


async def test_users_that_were_charged_most_come_first_and_the_others_are_counted(stores: Stores, jobs: Jobs) -> None:
    users = sorted(a_user() for _ in range(4))
    for user, images in zip(users, (1, 4, 2, 2), strict=True):
        await jobs.save(completed(await leased(jobs, user), images=images))
    wanted = UsageFilter(user_ids=(*users, a_user()))

    every, some = [await stores.usage.sums(wanted, Grouping.USER, most_users=most) for most in (1000, 2)]

    assert list(every.groups) == [users[1], users[2], users[3], users[0]]
    assert (list(some.groups), some.omitted, every.omitted) == ([users[1], users[2]], 2, 0)
    assert some.total == every.total == reduce(add, every.groups.values())


async def test_mongodb_without_transactions_is_refused_at_start(own: Settings, tmp_path: Path) -> None:
    port = free_port()
    program = await asyncio.to_thread(find, MONGOD, None)
    command = [program, "--dbpath", str(tmp_path), "--port", str(port), "--bind_ip", "127.0.0.1"]
    mongod = await asyncio.create_subprocess_exec(*command, "--nounixsocket", stdout=asyncio.subprocess.DEVNULL)
    url = SecretStr(f"mongodb://127.0.0.1:{port}/")
    try:
        with pytest.raises(StartupError, match="replica set"):
            async with open_stores(own.mongodb.model_copy(update={"url": url}), timedelta(seconds=20)):
                pass
    finally:
        mongod.kill()
        await mongod.wait()


END = st.tuples(
    st.sampled_from(["one", "two", "$three", "four.five"]),
    st.sampled_from(["flux-pro", "flux-dev"]),
    st.integers(0, 5).map(lambda hours: MIDNIGHT - timedelta(hours=8 * hours)),
    st.sampled_from(["completed", "failed", "stale", "twice", "unfinished"]),
    st.integers(0, 4),
    st.none() | st.decimals(0, 10, places=6),
)
History = Sequence[tuple[str, str, datetime, str, int, Decimal | None]]


@given(st.lists(END, max_size=12))
@settings(max_examples=25)
async def test_usage_equals_the_sums_of_the_jobs_after_any_history(
    stores: Stores, jobs: Jobs, history: History
) -> None:
    mark = uuid4().hex
    ended: list[Job] = []
    for user, model, at, fate, images, provider_cost in history:
        job = await leased(jobs, f"{user} {mark}", model)
        end = failed(job, at) if fate == "failed" else completed(job, at, images=images, provider_cost=provider_cost)
        if fate == "stale":
            await jobs.release_lease(job)
            with pytest.raises(StaleJob):
                await jobs.save(end)
        elif fate != "unfinished":
            ended += [await jobs.save(end)]
        if fate == "twice":
            await jobs.save(end)

    assert await stores.usage.find_differences() == []
    for user in {user for user, *_ in history}:
        own_ones = [sums_of(job) for job in ended if job.user_id == f"{user} {mark}"]
        assert await total(stores, f"{user} {mark}") == reduce(add, own_ones, Sums())


async def test_damaged_usage_is_found_and_repaired_while_jobs_end(own: Settings) -> None:
    damaged = apart(own)
    async with open_stores(damaged.mongodb) as stores:
        jobs = stores.jobs
        for user in ("kept", "wrong", "gone"):
            await jobs.save(completed(await leased(jobs, user), provider_cost=Decimal("0.01")))
        await stores.usage.count_pending()
        rollup = stores.usage._usage  # pyright: ignore[reportPrivateUsage] - damages it on purpose
        of_days = {"day": {"$exists": True}}
        await rollup.update_one({"userId": "wrong", **of_days}, {"$inc": {"jobs": 3, "charged": Decimal("1.00")}})
        await rollup.delete_many({"userId": "gone"})
        key = UsageKey("2026-03-01", "never", "flux-pro")
        invented = {"day": key.period, "userId": key.user_id, "model": key.model}
        await rollup.insert_one({"_id": invented, **invented, "jobs": 1})

        found = await stores.usage.find_differences()
        meanwhile = [await leased(jobs, "wrong") for _ in range(10)]
        await asyncio.gather(
            *(stores.usage.repair(difference.key) for difference in found),
            *(jobs.save(completed(job)) for job in meanwhile),
        )

        right = Sums(jobs=1, completed=1, images=2, charged=Decimal("0.10"), provider_cost=Decimal("0.01"))
        wrong = replace(right, jobs=4, charged=Decimal("1.10"))
        assert {(change.key.user_id, change.key.period): (change.kept, change.recomputed) for change in found} == {
            ("wrong", "2026-03-01"): (wrong, right),
            ("gone", "2026-03-01"): (Sums(), right),
            ("gone", "2026-03"): (Sums(), right),
            ("never", "2026-03-01"): (Sums(jobs=1), Sums()),
        }
        assert await stores.usage.find_differences() == []
        assert (await total(stores, "wrong")).jobs == 11
