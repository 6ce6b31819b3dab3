"""Broken promises, and the columns of the table that count them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

Broken: TypeAlias = Literal[
    "lost",
    "paid twice",
    "charged wrongly",
    "budget drift",
    "over the bound",
    "undelivered",
    "orphaned",
    "left over",
    "unknown",
]
BROKEN: Final[Sequence[Broken]] = get_args(Broken)
# Promised later: what a process stored after it lost its lease is removed 20 minutes after the end of the job.
NOT_YET_PROMISED: Final[frozenset[Broken]] = frozenset({"left over"})


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken promise, the column that counts it, and its subject: a job, a token, a user, an object."""

    column: Broken
    subject: str
    what: str
