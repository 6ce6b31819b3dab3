"""How long each endpoint's requests usually take, for reading a quick one's result without following its status."""

from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

_KEPT: Final = 16
_NEEDED: Final = 8
_USUAL: Final = 3 / 4  # of the requests have completed by then
_EARLY: Final = 1 / 4
_MOST_SPREAD: Final = timedelta(milliseconds=50)
_MOST_SPREAD_OF_EARLY: Final = 1 / 4
# A result that was ready when it was read may have been ready before.
_EARLIER: Final = 0.99


@dataclass(frozen=True, slots=True)
class Durations:
    """The last requests of each endpoint, from the response to their submit until they were seen completed.

    Attributes:
        longest: endpoints whose requests take longer are not quick.
    """

    longest: timedelta
    _seconds: dict[str, deque[float]] = field(default_factory=dict[str, deque[float]], init=False)

    def usual(self, endpoint: str) -> timedelta | None:
        """After how long most of the endpoint's requests have completed.

        None if it is not quick, if too few of its requests are known, or if they differ so much that most would have to
        wait noticeably for their result.
        """
        known = sorted(self._seconds.get(endpoint, ()))
        if len(known) < _NEEDED:
            return None
        early, usual = (known[int(len(known) * part)] for part in (_EARLY, _USUAL))
        spread = max(_MOST_SPREAD.total_seconds(), _MOST_SPREAD_OF_EARLY * early)
        if usual >= self.longest.total_seconds() or usual - early > spread:
            return None
        return timedelta(seconds=usual)

    def completed(self, endpoint: str, seconds: float) -> None:
        """Record when a request was seen completed."""
        self._seconds.setdefault(endpoint, deque(maxlen=_KEPT)).append(seconds)

    def was_ready(self, endpoint: str, waited: timedelta) -> None:
        """Record that a result was there when it was read after this time: from now on it is read a little earlier."""
        self.completed(endpoint, waited.total_seconds() * _EARLIER)
