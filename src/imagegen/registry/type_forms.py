"""Type forms that are only known at run time. Type checkers know these forms as syntax alone, hence the `Any`."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal, Union, cast

from pydantic import Field
from typing_extensions import TypeAliasType


def literal(values: Sequence[str | int]) -> Any:
    """`Literal` of these values."""
    return cast("Any", Literal)[tuple(values)]


def union(forms: Iterable[Any]) -> Any:
    """`Union` of these forms."""
    return cast("Any", Union)[tuple(forms)]


def tagged_union(name: str, classes: Iterable[type], tag: str) -> TypeAliasType:
    """A union that has a name of its own, as OpenAPI needs it, of classes told apart by the member `tag`."""
    annotated = cast("Any", Annotated)[union(classes), Field(discriminator=tag)]
    return cast("Any", TypeAliasType)(name, annotated)
