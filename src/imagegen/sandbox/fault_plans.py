"""The fault plans in effect.

A plan belongs to one key, so tests with different keys can run side by side. Plans are kept in memory only.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from imagegen.sandbox.faults import Planned

F = TypeVar("F", bound=Planned)


@dataclass(slots=True)
class _LiveFault:
    fault: Planned
    skips: int
    left: int | None

    def applies(self) -> bool:
        if self.left == 0:
            return False
        if self.skips:
            self.skips -= 1
            return False
        if self.left is not None:
            self.left -= 1
        return True


class FaultPlan:
    """The faults of one key, in planned order."""

    def __init__(self, faults: Sequence[Planned] = ()) -> None:
        self._live = [_LiveFault(fault, fault.after, fault.times) for fault in faults]

    def take(self, *kinds: type[F], where: Callable[[F], bool] = lambda _: True) -> F | None:
        """The first fault of these kinds that applies now, counted as used; None if there is none."""
        for live in self._live:
            if isinstance(live.fault, kinds) and where(live.fault) and live.applies():
                return live.fault
        return None


class FaultPlans:
    """The plan of every key. Keys are identified by their hash."""

    def __init__(self) -> None:
        self._plans: dict[str, FaultPlan] = {}

    def of(self, owner: str) -> FaultPlan:
        """The key's plan; an empty one if it has none."""
        return self._plans.get(owner) or FaultPlan()

    def replace(self, owner: str, faults: Sequence[Planned]) -> None:
        """Replace the key's plan."""
        self._plans[owner] = FaultPlan(faults)

    def clear(self, owner: str) -> None:
        """Delete the key's plan."""
        self._plans.pop(owner, None)
