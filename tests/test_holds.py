"""What a job is held for, from one try to the next."""

from datetime import UTC, datetime, timedelta

from imagegen.jobs import Hold, HoldKind

FIRST = datetime(2026, 11, 27, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_troubles_that_take_turns_began_with_the_first() -> None:
    slow = Hold.after(None, HoldKind.SUBMIT, "slow down", FIRST)
    locked = Hold.after(slow, HoldKind.ACCOUNT, "locked", FIRST + MINUTE)
    slow_again = Hold.after(locked, HoldKind.SUBMIT, "slow down", FIRST + 2 * MINUTE)

    assert (slow.began, locked.began, slow_again.began) == (FIRST, FIRST, FIRST)
    assert (slow_again.since, slow_again.attempts) == (FIRST + 2 * MINUTE, 1)
