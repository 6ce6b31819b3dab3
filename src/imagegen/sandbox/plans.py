"""The plans of faults that are live.

A plan belongs to one key, so tests with keys of their own run side by side. They live in memory: a restart forgets
them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from imagegen.sandbox.faults import Planned

F = TypeVar("F", bound=Planned)


@dataclass(slots=True)
class _Live:
    fault: Planned
    pass_by: int
    left: int | None

    def strikes(self) -> bool:
        if self.left == 0:
            return False
        if self.pass_by:
            self.pass_by -= 1
            return False
        if self.left is not None:
            self.left -= 1
        return True


class Plan:
    """The faults of one key, in the order in which they were planned."""

    def __init__(self, faults: Sequence[Planned] = ()) -> None:
        self._live = [_Live(fault, fault.after, fault.times) for fault in faults]

    def take(self, *kinds: type[F], where: Callable[[F], bool] = lambda _: True) -> F | None:
        """The first live fault of these kinds, and count it as used; None if there is none."""
        for live in self._live:
            if isinstance(live.fault, kinds) and where(live.fault) and live.strikes():
                return live.fault
        return None


class Plans:
    """Every key's plan. A key is known by its hash."""

    def __init__(self) -> None:
        self._plans: dict[str, Plan] = {}

    def of(self, owner: str) -> Plan:
        """The key's plan; an empty one if none was made."""
        return self._plans.get(owner) or Plan()

    def replace(self, owner: str, faults: Sequence[Planned]) -> None:
        """Put this plan in the place of the key's former one."""
        self._plans[owner] = Plan(faults)

    def clear(self, owner: str) -> None:
        """Forget the key's plan."""
        self._plans.pop(owner, None)
