"""How long to wait for fal, how often to ask, and what is told meanwhile."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeVar

from imagegen.errors import ResultUnavailable, SubmissionNotSent

_GROWTH: Final = 1.6
_JITTER: Final = 0.25
_log = logging.getLogger("imagegen.fal")
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Every limit of time and number towards fal.

    Attributes:
        submit: the POST and its whole answer (fal-client allows 120 s).
        read: a status read, a result, a cancellation, with the whole answer.
        first_read: of a result: the first read, for which the job keeps its slot at fal; later ones may take longer.
        attempts: POSTs for one submit, all but the last certainly not sent.
        retrying: from the first of those POSTs to the start of the last.
        first_retry: the pause before the second of those POSTs; each is longer than the one before.
        first_poll: the first pause between status reads; each is longer than the one before.
        longest_poll: no pause between status reads is longer.
        first_safety_poll: with webhooks, the first status read if none comes.
        safety_poll: with webhooks, the pause between later status reads.
        silence: of a status stream, after which it counts as dropped (fal speaks every 15 s).
        stream_life: of a status stream, after which it is opened anew, and says how things stand.
        unreadable: how long a wait goes on while no status can be read.
        forgotten: how long the status may answer 404 and nothing else before the request counts as lost.
        result: how long the result of a completed request may answer 404 and nothing else before it counts as expired.
        same: so many times in a row the same answer to a result read ends the request, where it may be its end.
        same_for: and for at least so long.
    """

    submit: timedelta = timedelta(seconds=60)
    read: timedelta = timedelta(seconds=30)
    first_read: timedelta = timedelta(seconds=5)
    attempts: int = 5
    retrying: timedelta = timedelta(seconds=15)
    first_retry: timedelta = timedelta(seconds=0.5)
    first_poll: timedelta = timedelta(seconds=0.25)
    longest_poll: timedelta = timedelta(seconds=5)
    first_safety_poll: timedelta = timedelta(seconds=60)
    safety_poll: timedelta = timedelta(seconds=60)
    silence: timedelta = timedelta(seconds=45)
    stream_life: timedelta = timedelta(seconds=60)
    unreadable: timedelta = timedelta(seconds=10)
    forgotten: timedelta = timedelta(minutes=10)
    result: timedelta = timedelta(seconds=30)
    same: int = 6
    same_for: timedelta = timedelta(minutes=3)


class Passing(ResultUnavailable):
    """A read that failed for a reason that passes: inside this room it means "ask again"."""


def pauses(first: timedelta, longest: timedelta) -> Iterator[float]:
    """Growing pauses in seconds, without end; each is up to a quarter shorter or longer, so that jobs do not march."""
    seconds = first.total_seconds()
    while True:
        yield min(seconds, longest.total_seconds()) * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - spreads load, hides nothing
        seconds = min(seconds * _GROWTH, longest.total_seconds())


async def while_not_sent(post: Callable[[], Awaitable[T]], patience: Patience) -> T:
    """Repeat a POST that fal certainly has not got: `patience.attempts` times, within `patience.retrying`.

    Raises:
        SubmissionNotSent: attempts or time are used up, or fal asks to wait for longer.
    """
    ends = time.monotonic() + patience.retrying.total_seconds()
    rests = pauses(patience.first_retry, patience.longest_poll)
    for _ in range(patience.attempts - 1):
        try:
            return await post()
        except SubmissionNotSent as error:
            rest = max(next(rests), error.retry_after.total_seconds() if error.retry_after else 0)
            if time.monotonic() + rest > ends:
                raise
            _log.info("fal.ai has not got the request (%s); again in %.1f s", error, rest)
        await asyncio.sleep(rest)
    return await post()
