"""What a broken promise is, and the columns of the table that count them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

Broken: TypeAlias = Literal[
    "lost",
    "paid twice",
    "charged wrongly",
    "over the bound",
    "undelivered",
    "orphaned",
    "left over",
    "unknown",
]
BROKEN: Final[Sequence[Broken]] = get_args(Broken)
# Not promised so soon: what a process stored that was stopped over its lease is swept 20 minutes after the job's end.
NOT_YET_PROMISED: Final[frozenset[Broken]] = frozenset({"left over"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken promise, the column that counts it, and what it is about: a job, a token, a user, an object."""

    column: Broken
    subject: str
    what: str
