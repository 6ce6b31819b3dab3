"""When a lane of the queue is looked into again: as seldom as may be, and never too late."""

from imagegen.jobs import Priority
from imagegen.queue.lookout import Lookout
from imagegen.queue_lanes import FIRST, Lane

LANE = FIRST[Priority.NORMAL]


def hinted(*, times: int) -> Lookout:
    """After a look into every lane, so many hints that one of them has a message."""
    lookout = Lookout(one_by_one=False)
    looked_into(lookout)
    for _ in range(times):
        lookout.heard_of(LANE)
    return lookout


def looked_into(lookout: Lookout) -> list[Lane]:
    return [lane for lane, _ in lookout.round()]


def test_a_lane_that_gave_its_last_message_after_one_hint_is_left_alone() -> None:
    lookout = hinted(times=1)

    before = looked_into(lookout)
    lookout.found(LANE, object(), last=True)

    assert (before, looked_into(lookout)) == ([LANE], [])


def test_after_two_hints_it_is_looked_into_again_for_its_consumer_may_not_have_learned_of_the_second_message() -> None:
    lookout = hinted(times=2)

    before = looked_into(lookout)
    lookout.found(LANE, object(), last=True)

    assert (before, looked_into(lookout), looked_into(lookout)) == ([LANE], [LANE], [])


def test_a_hint_that_comes_while_the_lane_is_asked_is_kept() -> None:
    lookout = hinted(times=1)

    before = looked_into(lookout)
    lookout.heard_of(LANE)
    lookout.found(LANE, object(), last=True)

    assert (before, looked_into(lookout)) == ([LANE], [LANE])


def test_a_lane_that_has_more_is_looked_into_again() -> None:
    lookout = hinted(times=1)

    before = looked_into(lookout)
    lookout.found(LANE, object(), last=False)

    assert (before, looked_into(lookout)) == ([LANE], [LANE])
