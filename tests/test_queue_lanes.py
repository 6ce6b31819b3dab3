"""Whose turn it is: people before batch work, and no user behind another user's thousand jobs."""

from collections import deque
from collections.abc import Sequence

from imagegen.jobs import Priority
from imagegen.queue_lanes import FIRST, LANES, LONG, LOW_TURN, OLD, OPEN, Lane, Rotation, lane_of

NORMAL, LOW = Priority.NORMAL, Priority.LOW


def taken(jobs: Sequence[tuple[Lane, str]], count: int) -> list[str]:
    """The names of the first `count` jobs that a runner takes, each lane being first in, first out."""
    rotation = Rotation()
    waiting: dict[Lane, deque[str]] = {lane: deque() for lane in (*LANES, OLD)}
    for lane, name in jobs:
        waiting[lane].append(name)
    names: list[str] = []
    for _ in range(count):
        lane = next(lane for lane in rotation.order() if waiting[lane])
        names.append(waiting[lane].popleft())
        rotation.served(lane)
    return names


def test_a_user_with_few_jobs_shares_no_lane_with_one_who_has_many() -> None:
    users = [f"user{number}" for number in range(100)]

    assert {lane_of(user, priority, crowded=False) for user in users for priority in Priority} == set(FIRST.values())
    assert {lane_of(user, NORMAL, crowded=True) for user in users} == set(LONG[NORMAL])
    assert lane_of("ann", LOW, crowded=True) in LONG[LOW]


def test_one_job_of_a_user_comes_before_the_thousand_of_another() -> None:
    thousand = [(lane_of("ann", LOW, crowded=True), f"ann {number}") for number in range(1000)]

    assert "bob" in taken([*thousand, (FIRST[LOW], "bob")], 2)


def test_the_jobs_of_one_lane_are_taken_in_their_order() -> None:
    jobs = [(lane_of("ann", LOW, crowded=True), f"ann {number}") for number in range(50)]

    assert taken(jobs, 50) == [name for _, name in jobs]


def test_two_users_with_many_jobs_share() -> None:
    ann, bob = LONG[NORMAL][0], LONG[NORMAL][3]
    jobs = [(ann, "ann")] * 100 + [(bob, "bob")] * 100

    assert sorted(taken(jobs, 20)) == ["ann"] * 10 + ["bob"] * 10


def test_normal_jobs_come_before_low_ones_which_still_move_on() -> None:
    jobs = [(FIRST[LOW], "low")] * 10 + [(FIRST[NORMAL], "normal")] * 100

    assert taken(jobs, 2 * LOW_TURN) == (["normal"] * (LOW_TURN - 1) + ["low"]) * 2


def test_what_is_open_at_fal_and_what_an_older_version_left_comes_first() -> None:
    jobs = [(FIRST[NORMAL], "new"), (OLD, "old"), (OPEN, "open")]

    assert taken(jobs, 3) == ["open", "old", "new"]
