"""Events reach those in this process that wait for the job or for its batch, and nothing is kept for others."""

import pytest

from imagegen.json_object import JsonObject
from imagegen.queue.subscriptions import BATCH, JobSubscriptions, is_end
from tests.support.jobs_apart import a_job

RUNNING: JsonObject = {"version": 2, "status": "running"}
COMPLETED: JsonObject = {"version": 3, "status": "completed"}


def test_subscription_gets_the_events_of_its_job() -> None:
    subscriptions = JobSubscriptions()
    with subscriptions.subscribe("job") as subscription:
        for job_id in ("job", "another"):
            subscriptions.dispatch(job_id, RUNNING)

        assert (subscription.changed.is_set(), subscription.take()) == (True, (RUNNING,))


def test_subscription_to_a_batch_gets_the_events_of_its_jobs() -> None:
    subscriptions = JobSubscriptions()
    events = [{**RUNNING, BATCH: "batch"}, {**COMPLETED, BATCH: "batch"}, {**RUNNING, BATCH: "another"}]
    with subscriptions.subscribe("batch") as subscription:
        for number, event in enumerate(events):
            subscriptions.dispatch(f"job{number}", event)

        assert subscription.take() == tuple(events[:2])


def test_every_subscription_of_a_job_gets_its_events() -> None:
    subscriptions = JobSubscriptions()
    with subscriptions.subscribe("job") as one, subscriptions.subscribe("job") as other:
        subscriptions.dispatch("job", RUNNING)

        assert (one.take(), other.take()) == ((RUNNING,), (RUNNING,))


def test_taken_events_are_not_given_again() -> None:
    subscriptions = JobSubscriptions()
    with subscriptions.subscribe("job") as subscription:
        subscriptions.dispatch("job", RUNNING)
        first = subscription.take()

        assert (first, subscription.take(), subscription.changed.is_set()) == ((RUNNING,), (), False)


@pytest.mark.parametrize(("event", "wakes"), [(RUNNING, False), (COMPLETED, True), ({}, True)])
def test_waiter_for_the_end_is_woken_only_by_the_end(event: JsonObject, wakes: bool) -> None:
    """An event that cannot be read is empty, and may be the end."""
    subscriptions = JobSubscriptions()
    with subscriptions.signal("job", is_end) as changed:
        subscriptions.dispatch("job", event)

        assert changed.is_set() is wakes


def test_slow_subscription_keeps_only_the_newest_events() -> None:
    subscriptions = JobSubscriptions()
    with subscriptions.subscribe("job") as subscription:
        for version in range(100):
            subscriptions.dispatch("job", {"version": version})

        assert [event["version"] for event in subscription.take()] == list(range(36, 100))


def test_subscription_gets_the_job_that_ended_in_this_process() -> None:
    subscriptions, job = JobSubscriptions(), a_job()
    with subscriptions.subscribe(job.id) as subscription, subscriptions.subscribe("another") as other:
        subscriptions.ended(job)

        assert (subscription.ended, other.ended) == (job, None)


def test_events_without_subscribers_need_not_be_read() -> None:
    subscriptions = JobSubscriptions()
    in_batch = b'{"batchId": "batch"}'
    before = [subscriptions.has_subscribers("job", event) for event in (b"{}", in_batch)]
    with subscriptions.subscribe("job"):
        during = [subscriptions.has_subscribers(job_id, b"{}") for job_id in ("job", "another")]
        during.append(subscriptions.has_subscribers("another", in_batch))
    after = subscriptions.has_subscribers("job", b"{}")

    assert (before, during, after) == ([False, False], [True, False, True], False)
