"""Type forms that are known at run time only. Type checkers know them as syntax only, hence the `Any`."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, Union, cast

from typing_extensions import TypeAliasType


def literal(values: Sequence[str | int]) -> Any:
    """`Literal` of these values."""
    return cast("Any", Literal)[tuple(values)]


def union(forms: Iterable[Any]) -> Any:
    """`Union` of these forms."""
    return cast("Any", Union)[tuple(forms)]


def named(name: str, form: Any) -> TypeAliasType:
    """The form with a name, which OpenAPI needs."""
    return cast("Any", TypeAliasType)(name, form)
