"""Changes by compare-and-set, which are made again if another change was faster."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from itertools import islice
from typing import Final, TypeVar

from imagegen.clock import pauses
from imagegen.errors import ImagegenError

T = TypeVar("T")
_TRIES: Final = 24
_FIRST_PAUSE: Final = timedelta(milliseconds=5)
_LONGEST_PAUSE: Final = timedelta(milliseconds=200)


async def compare_and_set(change: Callable[[], Awaitable[T]], lost: type[ImagegenError], conflict: ImagegenError) -> T:
    """Read, change and save until the save does not lose, for about three seconds.

    Args:
        change: does all three, and raises `lost` if another change was faster.
        lost: the error of a save that lost.
        conflict: raised if others are faster again and again.
    """
    for pause in islice(pauses(_FIRST_PAUSE, _LONGEST_PAUSE), _TRIES):
        try:
            return await change()
        except lost:
            await asyncio.sleep(pause.total_seconds())
    raise conflict
