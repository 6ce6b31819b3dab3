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
# One read in so many is a probe: it comes earlier, by a share of the usual time that doubles as long as probes succeed.
# After each probe in vain there are half as many, until the usual time grows.
_PROBE_EVERY: Final = 10
_RAREST_PROBE: Final = 80
_GROWN: Final = 1.1
_FIRST_STEP: Final = 0.02
_LONGEST_STEP: Final = 0.3


@dataclass(slots=True)
class _Endpoint:
    """The last requests of an endpoint, its reads since the last probe, and what the usual time was at that probe."""

    seconds: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT))
    reads: int = 0
    step: float = _FIRST_STEP
    probe_every: int = _PROBE_EVERY
    probed: float = 0

    @property
    def usual(self) -> float | None:
        known = sorted(self.seconds)
        if len(known) < _NEEDED:
            return None
        early, usual = (known[int(len(known) * part)] for part in (_EARLY, _USUAL))
        spread = max(_MOST_SPREAD.total_seconds(), _MOST_SPREAD_OF_EARLY * early)
        return usual if usual - early <= spread else None

    def at_most(self, seconds: float) -> None:
        """Count requests that were known to take longer as taking so long."""
        self.seconds = deque((min(each, seconds) for each in self.seconds), maxlen=_KEPT)


@dataclass(frozen=True, slots=True)
class Durations:
    """The last requests of each endpoint, from the response to their submit until they were seen completed.

    Attributes:
        longest: endpoints whose requests take longer are not quick.
    """

    longest: timedelta
    _endpoints: dict[str, _Endpoint] = field(default_factory=dict[str, _Endpoint], init=False)

    def usual(self, endpoint: str) -> timedelta | None:
        """After how long most of the endpoint's requests have completed.

        None if it is not quick, if too few of its requests are known, or if they differ so much that most would have to
        wait noticeably for their result.
        """
        known = self._endpoints.get(endpoint)
        usual = known.usual if known else None
        return timedelta(seconds=usual) if usual is not None and usual < self.longest.total_seconds() else None

    def next_read(self, endpoint: str) -> timedelta | None:
        """After how long the next request's result is to be read: the usual time, or less if this read is a probe.

        A result that is there when it is read may have been there for long. Probes find that out, so that a slow minute
        at fal, or of this process, does not delay the requests that follow it.
        """
        usual = self.usual(endpoint)
        if usual is None:
            return None
        known, seconds = self._endpoints[endpoint], usual.total_seconds()
        if seconds > _GROWN * known.probed:
            known.probe_every = _PROBE_EVERY
        known.reads += 1
        if known.reads <= known.probe_every:
            return usual
        known.reads, known.probed = 0, seconds
        known.probe_every = min(2 * known.probe_every, _RAREST_PROBE)
        return usual * (1 - known.step)

    def completed(self, endpoint: str, seconds: float) -> None:
        """Record when a request was seen completed."""
        known = self._endpoints.setdefault(endpoint, _Endpoint())
        usual = known.usual
        if usual is not None and seconds * _GROWN < usual:  # a probe was too early, and the usual time is much too late
            known.at_most(seconds * _GROWN)
        known.seconds.append(seconds)
        known.reads, known.step = 0, _FIRST_STEP

    def was_ready(self, endpoint: str, waited: timedelta) -> None:
        """Record that a result was there when it was read after this time."""
        usual = self.usual(endpoint)
        if usual is None or waited >= usual:
            return
        known = self._endpoints[endpoint]
        known.at_most(waited.total_seconds())
        known.reads = known.probe_every = _PROBE_EVERY
        known.step = min(2 * known.step, _LONGEST_STEP)
