"""The order of lanes: people before batch work, and no user behind another user's thousand jobs."""

from collections import deque
from collections.abc import Sequence

from imagegen.jobs import Priority
from imagegen.queue.lanes import FIRST, LANES, LEGACY, LONG, LOW_EVERY, OPEN, RETRY, Lane, Rotation, lane_of

NORMAL, LOW = Priority.NORMAL, Priority.LOW


def taken(jobs: Sequence[tuple[Lane, str]], count: int) -> list[str]:
    """The names of the first `count` jobs that a process takes; each lane is first in, first out."""
    rotation = Rotation()
    waiting: dict[Lane, deque[str]] = {lane: deque() for lane in (*LANES, LEGACY)}
    for lane, name in jobs:
        waiting[lane].append(name)
    names: list[str] = []
    for _ in range(count):
        lane = next(lane for lane in rotation.order() if waiting[lane])
        names.append(waiting[lane].popleft())
        rotation.served(lane)
    return names


def test_crowded_users_share_no_lane_with_others() -> None:
    users = [f"user{number}" for number in range(100)]

    assert {lane_of(user, priority, crowded=False) for user in users for priority in Priority} == set(FIRST.values())
    assert {lane_of(user, NORMAL, crowded=True) for user in users} == set(LONG[NORMAL])
    assert lane_of("ann", LOW, crowded=True) in LONG[LOW]


def test_jobs_of_a_crowded_user_stay_in_one_lane() -> None:
    jobs = [(lane_of("ann", LOW, crowded=True), f"ann {number}") for number in range(50)]

    assert taken(jobs, 50) == [name for _, name in jobs]


def test_first_lane_precedes_a_crowded_user() -> None:
    thousand = [(lane_of("ann", LOW, crowded=True), f"ann {number}") for number in range(1000)]

    assert "bob" in taken([*thousand, (FIRST[LOW], "bob")], 2)


def test_first_lane_gets_every_other_turn() -> None:
    jobs = [(FIRST[NORMAL], "few")] * 100 + [(LONG[NORMAL][0], "many")] * 100

    assert taken(jobs, 20) == ["few", "many"] * 10


def test_long_lanes_take_turns() -> None:
    jobs = [(LONG[NORMAL][0], "ann")] * 100 + [(LONG[NORMAL][3], "bob")] * 100

    assert taken(jobs, 20) == ["ann", "bob"] * 10


def test_every_eighth_job_is_of_low_priority() -> None:
    jobs = [(FIRST[LOW], "low")] * 10 + [(FIRST[NORMAL], "normal")] * 100

    assert taken(jobs, 2 * LOW_EVERY) == (["normal"] * (LOW_EVERY - 1) + ["low"]) * 2


def test_retries_and_new_jobs_take_turns() -> None:
    jobs = [(RETRY, "retry")] * 10 + [(FIRST[NORMAL], "new")] * 10

    assert taken(jobs, 10) == ["retry", "new"] * 5


def test_requests_open_at_fal_and_jobs_of_an_older_version_come_first() -> None:
    jobs = [(FIRST[NORMAL], "new"), (LEGACY, "old"), (OPEN, "open")]

    assert taken(jobs, 3) == ["open", "old", "new"]
