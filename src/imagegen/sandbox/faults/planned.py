"""What every fault has in common: how often it applies."""

from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveInt

ErrorStatus: TypeAlias = Annotated[int, Field(ge=400, le=599)]
Seconds: TypeAlias = NonNegativeFloat


class Planned(BaseModel):
    """A planned fault.

    Attributes:
        times: how often it applies; None: every time.
        after: how many occasions it lets pass first.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    times: PositiveInt | None = None
    after: NonNegativeInt = 0
