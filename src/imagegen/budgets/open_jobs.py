"""A limit on open jobs: as a budget without an end, in which each unfinished job counts as one."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from imagegen.budgets.periods import ALWAYS, Window

OPEN_JOBS_IDS: Final = frozenset({"open-key", "open-user"})  # in the place of a budget's id, which is a ULID


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenJobsLimit:
    """How many jobs of a key, or of a user, may be unfinished at once.

    Attributes:
        whose: a key's or a user's.
        most: how many.
        version: that of the key; 0 for users, whose limit is a setting.
    """

    whose: Literal["key", "user"]
    most: int
    version: int = 0

    @property
    def id(self) -> str:
        """Stands where a budget's id stands; one of OPEN_JOBS_IDS."""
        return f"open-{self.whose}"

    @property
    def window(self) -> Window:
        """Its only period."""
        return ALWAYS

    @property
    def hard(self) -> bool:
        """Whether it refuses jobs: always."""
        return True

    def limit(self, _window: Window) -> Decimal:
        """How many jobs may be unfinished at once."""
        return Decimal(self.most)
