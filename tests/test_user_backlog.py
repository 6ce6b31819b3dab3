"""Which of a user's jobs this process counts as waiting."""

from dataclasses import replace

import pytest

from imagegen.jobs import Job, Priority
from imagegen.queue.backlog import UserBacklog
from tests.support.jobs_apart import a_job


def count(backlog: UserBacklog, job: Job) -> int:
    return backlog.count(job.user_id, job.priority)


def test_queued_jobs_are_counted_by_user() -> None:
    backlog, job, other = UserBacklog(), a_job(user_id="ann"), a_job(user_id="bob")
    counts = [count(backlog, job)]
    for each in (job, other, a_job(user_id="ann")):
        backlog.enqueued(each)
        counts.append(count(backlog, job))

    assert (counts, count(backlog, other)) == ([0, 1, 1, 2], 1)


def test_queued_jobs_are_counted_by_priority() -> None:
    backlog, job = UserBacklog(), a_job()
    low = replace(a_job(), priority=Priority.LOW)
    backlog.enqueued(low)

    assert (count(backlog, job), count(backlog, low)) == (0, 1)


def test_started_job_no_longer_counts() -> None:
    backlog, jobs = UserBacklog(), [a_job(), a_job()]
    for job in jobs:
        backlog.enqueued(job)
    for _ in range(2):  # each of its events says so
        backlog.started(jobs[0].id)
    backlog.started("unknown to this process")

    assert count(backlog, jobs[1]) == 1


def test_job_queued_twice_counts_once() -> None:
    backlog, job = UserBacklog(), a_job()
    backlog.enqueued(job)
    backlog.enqueued(job)

    assert count(backlog, job) == 1


def test_job_without_events_counts_for_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    backlog, job, later = UserBacklog(), a_job(), a_job()
    moment = 1000.0
    monkeypatch.setattr("imagegen.queue.backlog.time.monotonic", lambda: moment)
    backlog.enqueued(job)
    moment += 59
    backlog.enqueued(later)
    before = count(backlog, job)
    moment += 2

    assert (before, count(backlog, job)) == (2, 1)


def test_nothing_is_kept_of_started_jobs() -> None:
    backlog = UserBacklog()
    for _ in range(3):
        backlog.enqueued(job := a_job())
        backlog.started(job.id)

    assert (dict(backlog._queued_at), backlog._owners) == ({}, {})  # pyright: ignore[reportPrivateUsage] - what is in memory
