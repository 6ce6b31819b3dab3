"""Slots are taken without waiting, and no holder takes them all."""

from contextlib import ExitStack

import pytest

from imagegen.net.slots import Slots


def taken(slots: Slots, stack: ExitStack, *holders: str) -> list[bool]:
    return [stack.enter_context(slots.take(holder)) for holder in holders]


def test_slots_run_out_and_come_back() -> None:
    slots = Slots(2)
    with ExitStack() as stack:
        assert taken(slots, stack, "", "", "") == [True, True, False]

    with slots.take() as has_slot:
        assert has_slot


def test_one_holder_gets_three_times_what_it_leaves_free() -> None:
    slots = Slots(8, times_free=3)
    with ExitStack() as stack:
        assert taken(slots, stack, *["ann"] * 8) == [True] * 6 + [False] * 2
        assert taken(slots, stack, "bob", "cem", "dan") == [True, True, False]


def test_without_a_share_one_holder_may_take_every_slot() -> None:
    slots = Slots(3)
    with ExitStack() as stack:
        assert taken(slots, stack, *["ann"] * 4) == [True, True, True, False]


def test_every_change_is_reported_and_a_refusal_is_not() -> None:
    counts: list[int] = []
    slots = Slots(1, on_change=counts.append)
    with slots.take("ann"), slots.take("bob"):
        pass

    assert counts == [1, 0]


def test_a_slot_is_given_back_after_an_error() -> None:
    counts: list[int] = []
    slots = Slots(1, on_change=counts.append)
    with pytest.raises(ZeroDivisionError), slots.take():
        _ = 1 / 0

    assert counts == [1, 0]
