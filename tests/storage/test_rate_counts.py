"""Counts of requests and images, on the database's clock: exact, whichever processes hit them at once."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime, timedelta

import pytest

from imagegen.errors import RateState
from imagegen.keys import Rates
from imagegen.settings import Settings
from imagegen.storage.mongodb import Collection, open_collection
from imagegen.storage.rate_counts import Hit, RateCounts, Taken, update_for
from imagegen.storage.stores import open_stores


@pytest.fixture
def counts(rates: Collection) -> RateCounts:
    return RateCounts(rates)


@pytest.fixture
async def rates(own: Settings) -> AsyncGenerator[Collection]:
    async with open_collection(own.mongodb, "rates", timedelta(seconds=5)) as collection:
        yield collection


def a_hit(holder: str, requests: int | None, images: int | None = None, *, cost: tuple[int, int] = (1, 1)) -> Hit:
    limits = Rates(requests_per_minute=requests, images_per_minute=images)
    return Hit(whose="key", holder=holder, rates=limits, requests=cost[0], images=cost[1])


async def move_back(rates: Collection, holder: str, by: timedelta) -> None:
    """Let this much time pass for a holder."""
    earlier = {"$subtract": ["$at", by // timedelta(milliseconds=1)]}
    await rates.update_one({"_id": f"key/{holder}"}, [{"$set": {"at": earlier}}])


def state(taken: Taken, hit: Hit) -> Sequence[tuple[int, float, float]]:
    """Of each limit: what remains, and the seconds until all of it is free, and until the hit would pass."""
    return [
        (each.remaining, round((each.reset or timedelta(0)).total_seconds()), round(each.wait.total_seconds()))
        for each in taken.states(hit)
    ]


async def test_of_200_hits_of_two_services_exactly_the_limit_passes(own: Settings) -> None:
    async with open_stores(own.mongodb) as one, open_stores(own.mongodb) as other:
        hit = a_hit("crowd", 10, cost=(1, 0))
        both = (one.rate_counts, other.rate_counts)
        taken = await asyncio.gather(*(both[number % 2].hit(hit) for number in range(200)))

    # The limit drains ten in a minute, so one more may pass for each six seconds that this took.
    assert 10 <= sum(each.fits for each in taken) <= 11
    assert {each.remaining for each in taken[-1].states(hit)} == {0}


async def test_of_1000_hits_at_once_exactly_a_limit_of_500_passes(own: Settings) -> None:
    async with open_stores(own.mongodb) as one, open_stores(own.mongodb) as other:
        both = (one.rate_counts, other.rate_counts)
        hit, back = a_hit("thousand", 500, cost=(1, 0)), a_hit("thousand", 500, cost=(-1, 0))
        await both[0].hit(hit)
        async with open_collection(own.mongodb, "rates", timedelta(seconds=5)) as rates:
            await move_back(rates, "thousand", timedelta(seconds=-60))  # so that nothing drains meanwhile
        await both[1].hit(back)
        taken = await asyncio.gather(*(both[number % 2].hit(hit) for number in range(1000)))
        seen = await both[0].look(hit)

    assert (sum(each.fits for each in taken), seen.states(hit)[0].remaining) == (500, 0)


@pytest.mark.parametrize("limit", [1, 7, 60, 1_000_000])
async def test_a_whole_minutes_limit_passes_at_once_and_no_more(counts: RateCounts, limit: int) -> None:
    whole = a_hit(f"burst-{limit}", limit, cost=(limit, 0))

    first, second = await counts.hit(whole), await counts.hit(whole)

    assert (first.fits, second.fits) == (True, False)
    assert 55 <= second.states(whole)[0].wait.total_seconds() <= 60


async def test_after_a_burst_hits_pass_at_the_pace_of_the_limit(counts: RateCounts, rates: Collection) -> None:
    hit = a_hit("pace", 6, cost=(1, 0))
    burst = [(await counts.hit(hit)).fits for _ in range(7)]

    await move_back(rates, "pace", timedelta(seconds=10))
    later = [(await counts.hit(hit)).fits for _ in range(2)]
    await move_back(rates, "pace", timedelta(hours=1))
    rested = [(await counts.hit(hit)).fits for _ in range(7)]

    assert (burst, later, rested) == ([True] * 6 + [False], [True, False], [True] * 6 + [False])


async def test_the_state_says_what_remains_and_when_a_refused_hit_passes(counts: RateCounts) -> None:
    hit = a_hit("state", 2, 60, cost=(1, 20))

    first, second, third = [await counts.hit(hit) for _ in range(3)]

    assert state(first, hit) == [(1, 30, 0), (40, 20, 0)]
    assert state(second, hit) == [(0, 60, 0), (20, 40, 0)]
    assert (third.fits, state(third, hit)) == (False, [(0, 60, 30), (20, 40, 0)])


async def test_a_hit_that_one_limit_refuses_takes_of_none(counts: RateCounts) -> None:
    few, many = a_hit("both", 9, 10, cost=(1, 4)), a_hit("both", 9, 10, cost=(1, 7))
    await counts.hit(few)

    refused = await counts.hit(many)

    assert (refused.fits, [each.remaining for each in refused.states(many)]) == (False, [8, 6])


async def test_what_is_given_back_was_never_taken(counts: RateCounts) -> None:
    hit, back = a_hit("back", 2, cost=(2, 0)), a_hit("back", 2, cost=(-2, 0))
    await counts.hit(hit)

    given_back = await counts.hit(back)
    more_than_there_was = await counts.hit(back)

    assert [each.remaining for taken in (given_back, more_than_there_was) for each in taken.states(hit)] == [2, 2]
    assert (await counts.hit(hit)).fits


async def test_looking_takes_nothing_and_is_never_refused(counts: RateCounts) -> None:
    hit, look = a_hit("look", 1, cost=(1, 0)), a_hit("look", 1, cost=(0, 0))
    seen = [await counts.look(look), await counts.hit(hit), await counts.look(look)]

    assert [(each.fits, each.states(look)[0].remaining) for each in seen] == [(True, 1), (True, 0), (True, 0)]


async def test_a_look_sees_what_a_hit_would_find(counts: RateCounts, rates: Collection) -> None:
    hit, look = a_hit("seen", 60, 6, cost=(30, 6)), a_hit("seen", 60, 6, cost=(0, 0))
    await counts.hit(hit)
    await move_back(rates, "seen", timedelta(seconds=20))

    seen, found = await counts.look(look), await counts.hit(look)

    assert state(seen, look) == state(found, look) == [(50, 10, 0), (2, 40, 0)]


async def test_hits_of_several_holders_in_one_batch_do_not_mix(counts: RateCounts) -> None:
    hits = [a_hit(f"mixed-{number % 3}", 2 + number % 3, cost=(1, 0)) for number in range(30)]

    taken = await asyncio.gather(*map(counts.hit, hits))

    assert [sum(each.fits for each in taken[holder::3]) for holder in range(3)] == [2, 3, 4]


async def test_a_changed_limit_counts_what_was_taken_before(counts: RateCounts) -> None:
    await counts.hit(a_hit("changed", 10, cost=(8, 0)))

    lower, higher = a_hit("changed", 5, cost=(1, 0)), a_hit("changed", 20, cost=(1, 0))
    refused, passed = await counts.hit(lower), await counts.hit(higher)

    assert (refused.fits, passed.fits, passed.states(higher)[0].remaining) == (False, True, 11)


def test_the_only_clock_is_the_databases() -> None:
    sent = repr(update_for({"requests": 60}, [{"requests": 60_000}]))

    assert ("$$NOW" in sent, "datetime" in sent) == (True, False)


async def test_a_clock_that_went_back_frees_nothing_and_takes_nothing(counts: RateCounts, rates: Collection) -> None:
    hit = a_hit("ahead", 2, cost=(1, 0))
    await counts.hit(hit)
    await move_back(rates, "ahead", timedelta(seconds=-20))

    second, third = await counts.hit(hit), await counts.hit(hit)

    assert (second.fits, third.fits) == (True, False)


async def test_empty_counts_are_removed_by_the_database(counts: RateCounts, rates: Collection) -> None:
    await counts.ensure_indexes()

    indexes = await rates.index_information()
    assert [each["expireAfterSeconds"] for each in indexes.values() if "expireAfterSeconds" in each] == [120]


def test_a_wait_is_rounded_up_to_the_millisecond() -> None:
    hit = a_hit("rounded", 7, cost=(1, 0))
    full = Taken(fits=False, at=datetime.fromisoformat("2026-11-22T00:00:00Z"), counts={"requests": 7 * 60_000})

    (found,) = full.states(hit)

    assert isinstance(found, RateState)
    assert found.wait == timedelta(milliseconds=8572)
    assert found.free_at - full.at == found.wait
