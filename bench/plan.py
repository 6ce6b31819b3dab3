"""How much is measured."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The size of a run.

    Attributes:
        rounds: of each side, in turn.
        in_flight: most jobs that wait at once in the suite of that name.
        history: most jobs in MongoDB in the suite of that name.
        litellm: the program `litellm`; None leaves its suite out.
    """

    rounds: int
    in_flight: int
    history: int
    litellm: Path | None
