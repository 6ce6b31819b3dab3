"""Changes by compare-and-set, which are made again if another change was faster."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from imagegen.errors import ImagegenError

T = TypeVar("T")
_TRIES: Final = 5


async def compare_and_set(change: Callable[[], Awaitable[T]], lost: type[ImagegenError], conflict: ImagegenError) -> T:
    """Read, change and save until the save does not lose.

    Args:
        change: does all three, and raises `lost` if another change was faster.
        lost: the error of a save that lost.
        conflict: raised if others are faster again and again.
    """
    for _ in range(_TRIES):
        try:
            return await change()
        except lost:
            continue
    raise conflict
