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
        ref: the commit that the suite `before` compares with; None leaves it out.
        seconds: how long a round of `before`, `ceiling` and `gateway` lasts.
        litellm: the program `litellm`; None leaves its suite out.
    """

    rounds: int
    in_flight: int
    history: int
    ref: str | None
    seconds: float
    litellm: Path | None
