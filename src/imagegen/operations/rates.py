"""Rates of keys and users: what a request for new jobs takes of them, and gives back if it is refused afterwards.

Each job counts as one request, also within a batch: otherwise a batch would pass a thousand at the price of one.
"""

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Literal

from imagegen.errors import BeyondRate, DatabaseUnavailable, ImagegenError, RateLimited, RateState
from imagegen.jobs import Job
from imagegen.keys import Caller, Rates
from imagegen.services import Services
from imagegen.settings import RateSettings
from imagegen.storage.rate_counts import Hit, RateCounts, Taken

_log = logging.getLogger("imagegen.api")


class TakenRates:
    """What a request has taken of its limits."""

    def __init__(self, counts: RateCounts, taken: Sequence[tuple[Hit, Taken]] = ()) -> None:
        self._counts, self._taken = counts, tuple(taken)
        self._is_given_back = False

    @property
    def states(self) -> Sequence[RateState]:
        """Every limit of the request, as it is now."""
        return [state for hit, outcome in self._taken for state in outcome.states(hit)]

    async def give_back(self) -> None:
        """Give everything back, once. What MongoDB does not take is free again within a minute."""
        if self._is_given_back:
            return
        self._is_given_back = True
        try:
            self._taken = [(hit, await self._counts.hit(_negative(hit))) for hit, _ in self._taken]
        except DatabaseUnavailable as error:
            _log.warning("the rates of a refused request are not given back: %s", error)

    @asynccontextmanager
    async def given_back_if_refused(self) -> AsyncGenerator[None]:
        """Give back if the block refuses the request. While MongoDB is away, nothing can be."""
        try:
            yield
        except DatabaseUnavailable:
            raise
        except ImagegenError:
            await self.give_back()
            raise


async def take_rates(jobs: Sequence[Job], caller: Caller, services: Services) -> TakenRates:
    """Take a request for each job, and the images of all of them, of every limit, or nothing of any.

    Raises:
        BeyondRate: it is for more than a minute's rate.
        RateLimited: with every limit that is exhausted.
        DatabaseUnavailable: nothing is known of the limits.
    """
    images = sum(job.images_requested or job.cost.num_images for job in jobs)
    hits = _hits(caller, jobs[0].user_id, services.settings.rates, len(jobs), images)
    _require_possible(hits)
    counts = services.rate_counts
    taken: list[tuple[Hit, Taken]] = []
    for number, hit in enumerate(hits):
        outcome = await counts.hit(hit)
        if not outcome.fits:
            before = TakenRates(counts, taken)
            await before.give_back()
            after = [(each, await counts.look(each)) for each in hits[number + 1 :]]
            refusal = RateLimited(
                [
                    *before.states,
                    *outcome.states(hit),
                    *(state for each, seen in after for state in seen.states(each, wanted=each)),
                ]
            )
            for state in refusal.exhausted:
                services.metrics.rate_exhausted(state.name)
            raise refusal
        taken.append((hit, outcome))
    return TakenRates(counts, taken)


async def read_rates(caller: Caller, user_id: str, services: Services) -> Sequence[RateState]:
    """The limits of the caller and of the user, as they are now."""
    hits = _hits(caller, user_id, services.settings.rates, 0, 0)
    return [state for hit in hits for state in (await services.rate_counts.look(hit)).states(hit)]


def limits_of_key(caller: Caller, defaults: RateSettings) -> Hit | None:
    """The limits of the caller's key, as a hit that takes nothing; None if there are none."""
    if caller.key is None:
        return None
    of_key = Rates(
        requests_per_minute=defaults.key_requests_per_minute, images_per_minute=defaults.key_images_per_minute
    )
    return _hit("key", caller.key.id, caller.key.rates.or_default(of_key))


def _limits_of_user(user_id: str, defaults: RateSettings) -> Hit | None:
    rates = Rates(
        requests_per_minute=defaults.user_requests_per_minute, images_per_minute=defaults.user_images_per_minute
    )
    return _hit("user", user_id, rates)


def _hit(whose: Literal["key", "user"], holder: str, rates: Rates) -> Hit | None:
    """A hit that takes nothing; None without a limit in a minute. Open jobs are no rate: `operations.open_jobs`."""
    hit = Hit(whose=whose, holder=holder, rates=replace(rates, open_jobs=None), requests=0, images=0)
    return hit if hit.limits else None


def _hits(caller: Caller, user_id: str, defaults: RateSettings, requests: int, images: int) -> Sequence[Hit]:
    """What a request takes: of its key first, then of its user. None where there is no limit."""
    limits = (limits_of_key(caller, defaults), _limits_of_user(user_id, defaults))
    return [replace(hit, requests=requests, images=images) for hit in limits if hit is not None]


def _require_possible(hits: Sequence[Hit]) -> None:
    for hit in hits:
        for (name, limit), count in zip(hit.limits_by_name.items(), hit.counts.values(), strict=True):
            if count > limit:
                raise BeyondRate(count, name, limit)


def _negative(hit: Hit) -> Hit:
    return replace(hit, requests=-hit.requests, images=-hit.images)
