"""The base of the parts of a catalog entry as written, and the forms of their values."""

import re
from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel


def like(pattern: str, expected: str) -> AfterValidator:
    """A check that a text matches a pattern; `expected` says in words what was expected."""

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"expected {expected}")
        return value

    return AfterValidator(check)


Name = Annotated[str, like(r"[A-Za-z_][A-Za-z0-9_]{0,63}", "a name of letters, digits and underscores, up to 64")]
Endpoint = Annotated[
    str,
    like(
        r"(?=.{1,200}$)\w[\w.-]*(/\w[\w.-]*)+",
        "an endpoint's id such as fal-ai/flux/dev, without a host before it",
    ),
]
Category = Annotated[str, like(r"(?=.{1,64}$)[a-z0-9]+(-[a-z0-9]+)*", "a category such as text-to-image")]
Tag = Annotated[
    str, like(r"(?=.{1,32}$)[a-z0-9]+([.-][a-z0-9]+)*", "a tag such as background-removal, up to 32 characters")
]
ModelName = Annotated[
    str,
    like(r"[a-z0-9][a-z0-9._-]{0,63}", "a model's name: lower-case letters, digits, '.', '_' and '-', up to 64"),
]
Money = Annotated[Decimal, Field(ge=0, max_digits=15, decimal_places=9)]


def _day(value: object) -> date:
    try:
        return date.fromisoformat(value if isinstance(value, str) and len(value) == _LENGTH_OF_A_DAY else "")
    except ValueError as error:
        raise ValueError("expected a day such as 2026-11-20") from error


_LENGTH_OF_A_DAY = len("2026-11-20")
Day = Annotated[date, BeforeValidator(_day)]
Source = Annotated[str, like(r"https?://[^\s/]+(/\S*)?", "a URL such as https://fal.ai/models/fal-ai/flux/dev")]


class Written(BaseModel):
    """A part of an entry: keys in camelCase, and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)

    @classmethod
    def keys(cls) -> tuple[str, ...]:
        """The keys as written."""
        return tuple(member.alias or name for name, member in cls.model_fields.items())
