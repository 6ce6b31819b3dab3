"""When a lane is asked again: as seldom as possible, and never too late; and when its priority is blocked."""

import asyncio

from imagegen.jobs import Priority
from imagegen.queue.lanes import FIRST, LANES, LONG, OPEN, RETRY, Lane
from imagegen.queue.poller import LanePoller

LANE = FIRST[Priority.NORMAL]


def hinted(poller: LanePoller, *lanes: Lane) -> LanePoller:
    """The poller after every lane was asked once, with these hints."""
    due(poller)
    for lane in lanes:
        poller.hint(lane)
    return poller


def due(poller: LanePoller) -> list[Lane]:
    return [lane for lane, _ in poller.due_lanes()]


def test_lane_is_not_asked_again_after_its_last_message() -> None:
    poller = hinted(LanePoller(one_by_one=False), LANE)

    before = due(poller)
    poller.found(LANE, object(), last=True)

    assert (before, due(poller)) == ([LANE], [])


def test_lane_is_asked_again_after_two_hints() -> None:
    """Its consumer may not have learned of the second message yet."""
    poller = hinted(LanePoller(one_by_one=False), LANE, LANE)

    before = due(poller)
    poller.found(LANE, object(), last=True)

    assert (before, due(poller), due(poller)) == ([LANE], [LANE], [])


def test_hint_during_a_request_is_kept() -> None:
    poller = hinted(LanePoller(one_by_one=False), LANE)

    before = due(poller)
    poller.hint(LANE)
    poller.found(LANE, object(), last=True)

    assert (before, due(poller)) == ([LANE], [LANE])


def test_lane_with_more_messages_is_asked_again() -> None:
    poller = hinted(LanePoller(one_by_one=False), LANE)

    before = due(poller)
    poller.found(LANE, object(), last=False)

    assert (before, due(poller)) == ([LANE], [LANE])


async def test_empty_lane_is_asked_again_shortly_after_its_hint() -> None:
    poller = hinted(LanePoller(one_by_one=False), LANE)
    poller.start_scan(LANES)
    [(lane, checks)] = [each for each in poller.due_lanes() if each[0] is LANE]
    poller.found_nothing(lane, checks)
    due(poller)

    await asyncio.sleep(0.05)

    assert due(poller) == [LANE]


def test_one_by_one_blocks_the_priority_until_its_release() -> None:
    message, low = object(), FIRST[Priority.LOW]
    poller = hinted(LanePoller(one_by_one=True), LANE)
    due(poller)
    poller.found(LANE, message, last=False)

    hinted(poller, LANE, LONG[Priority.NORMAL][0], low, OPEN)
    blocked = due(poller)
    poller.release(LANE, message)

    assert (blocked, due(poller)) == ([OPEN, low], [LONG[Priority.NORMAL][0], LANE])


def test_release_of_another_message_does_not_unblock() -> None:
    poller = hinted(LanePoller(one_by_one=True), LANE)
    due(poller)
    poller.found(LANE, object(), last=False)

    poller.release(LANE, object())

    assert due(poller) == []


def test_retry_lane_is_blocked_while_its_slots_are_taken() -> None:
    poller = LanePoller(one_by_one=False, retry_slots=2)
    for _ in range(2):
        hinted(poller, RETRY)
        assert due(poller) == [RETRY]
        poller.found(RETRY, object(), last=True)

    poller.hint(RETRY)
    blocked = due(poller)
    poller.retry_done()

    assert (blocked, due(poller)) == ([], [RETRY])
