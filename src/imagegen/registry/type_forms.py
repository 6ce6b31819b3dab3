"""Type forms that are known at run time only. Type checkers know them as syntax only, hence the `Any`."""

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, Literal, Union, cast

from pydantic import BeforeValidator, Field
from typing_extensions import TypeAliasType


def literal(values: Sequence[str | int]) -> Any:
    """`Literal` of these values."""
    return cast("Any", Literal)[tuple(values)]


def union(forms: Iterable[Any]) -> Any:
    """`Union` of these forms."""
    return cast("Any", Union)[tuple(forms)]


def tagged_union(
    name: str, classes: Iterable[type], tag: str, before: Callable[[Any], Any] | None = None
) -> TypeAliasType:
    """A union of classes, discriminated by the member `tag`, with a name, which OpenAPI needs.

    `before` changes a value before it is validated.
    """
    annotated = cast("Any", Annotated)[union(classes), Field(discriminator=tag)]
    if before is not None:
        annotated = cast("Any", Annotated)[annotated, BeforeValidator(before)]
    return cast("Any", TypeAliasType)(name, annotated)
