"""The shares of users and receivers among the slots of a process, and the pauses of silent receivers."""

from datetime import timedelta

import pytest

from imagegen.engine.webhook_sender.quotas import ReceiverQuotas
from imagegen.webhooks import DeliveryRoute, RetrySchedule

SCHEDULE = RetrySchedule(first_pause=timedelta(seconds=10), longest_route_pause=timedelta(seconds=60))
SLOTS = 16


@pytest.fixture
def quotas() -> ReceiverQuotas:
    return ReceiverQuotas(SLOTS, SCHEDULE)


def fill(quotas: ReceiverQuotas, user_id: str, *receivers: str) -> int:
    """How many slots a user gets who has many deliveries to each of these receivers."""
    count = 0
    while user_id not in quotas.full_users() and quotas.free:
        closed = quotas.closed_to(user_id)
        receiver = next((each for each in receivers if each not in closed), None)
        if receiver is None:
            break
        quotas.take(DeliveryRoute(user_id, receiver))
        count += 1
    return count


def test_user_gets_at_most_half_of_the_free_slots(quotas: ReceiverQuotas) -> None:
    receivers = [f"receiver{number}" for number in range(SLOTS)]

    assert [fill(quotas, user_id, *receivers) for user_id in ("ann", "bob", "cid")] == [8, 4, 2]
    assert (quotas.free, set(quotas.full_users())) == (2, {"ann", "bob", "cid"})


def test_receiver_gets_at_most_a_quarter_of_the_slots(quotas: ReceiverQuotas) -> None:
    counts = [fill(quotas, f"user{number}", "receiver") for number in range(4)]

    assert (sum(counts), quotas.full_receivers()) == (SLOTS // 4, ["receiver"])


def test_user_leaves_slots_of_a_receiver_to_other_users(quotas: ReceiverQuotas) -> None:
    first, second = fill(quotas, "ann", "receiver"), fill(quotas, "bob", "receiver")

    assert (first, second) == (2, 1)


def test_full_receiver_is_closed_to_every_user(quotas: ReceiverQuotas) -> None:
    for number in range(SLOTS // 4):
        quotas.take(DeliveryRoute(f"user{number}", "receiver"))

    assert quotas.closed_to("new") == ["receiver"]


def test_released_slots_are_free_again(quotas: ReceiverQuotas) -> None:
    route = DeliveryRoute("ann", "receiver")
    quotas.take(route)
    quotas.freed.clear()
    quotas.release(route)

    assert (quotas.free, quotas.freed.is_set(), quotas.full_users(), quotas.closed_to("ann")) == (SLOTS, True, [], [])


def test_silent_receiver_gets_one_attempt_at_a_time(quotas: ReceiverQuotas) -> None:
    route = DeliveryRoute("ann", "receiver")
    quotas.mark_silent(route, 0.0, 1.0)
    quotas.take(route)
    while_silent = quotas.closed_to("ann")
    quotas.mark_responsive(route)

    assert (while_silent, quotas.closed_to("ann")) == (["receiver"], [])


def test_pauses_of_a_silent_receiver_grow_to_the_longest(
    quotas: ReceiverQuotas, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment, route = 100.0, DeliveryRoute("ann", "receiver")
    monkeypatch.setattr("imagegen.engine.webhook_sender.quotas.time.monotonic", lambda: moment)
    pauses: list[float] = []
    for _ in range(4):
        pauses.append(quotas.mark_silent(route, moment, 1.0).total_seconds())
        moment += 100

    assert pauses == [10, 30, 60, 60]


def test_concurrent_attempts_without_response_count_as_one_failure(quotas: ReceiverQuotas) -> None:
    route = DeliveryRoute("ann", "receiver")

    assert [quotas.mark_silent(route, 0.0, 1.0).total_seconds() for _ in range(5)] == [10] * 5


def test_route_is_paused_until_its_pause_is_over(quotas: ReceiverQuotas, monkeypatch: pytest.MonkeyPatch) -> None:
    moment, route = 100.0, DeliveryRoute("ann", "receiver")
    monkeypatch.setattr("imagegen.engine.webhook_sender.quotas.time.monotonic", lambda: moment)
    quotas.mark_silent(route, moment, 1.0)
    moment += 4
    others = [quotas.paused(DeliveryRoute("bob", "receiver")), quotas.paused(DeliveryRoute("ann", "another"))]
    during = quotas.paused(route)
    moment += 7

    assert (others, during, quotas.paused(route)) == ([None, None], timedelta(seconds=6), None)


def test_response_ends_the_pause(quotas: ReceiverQuotas) -> None:
    route = DeliveryRoute("ann", "receiver")
    quotas.mark_silent(route, 0.0, 1.0)
    quotas.mark_responsive(route)

    assert quotas.paused(route) is None
