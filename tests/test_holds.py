"""The hold of a job, from one try to the next."""

from datetime import UTC, datetime, timedelta

from imagegen.jobs import Hold, HoldKind

FIRST = datetime(2026, 11, 27, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_alternating_causes_of_a_hold_began_with_the_first() -> None:
    slow = Hold.after(None, HoldKind.SUBMIT, "slow down", FIRST)
    locked = Hold.after(slow, HoldKind.ACCOUNT, "locked", FIRST + MINUTE)
    slow_again = Hold.after(locked, HoldKind.SUBMIT, "slow down", FIRST + 2 * MINUTE)

    assert (slow.held_since, locked.held_since, slow_again.held_since) == (FIRST, FIRST, FIRST)
    assert (slow_again.since, slow_again.attempts) == (FIRST + 2 * MINUTE, 1)
