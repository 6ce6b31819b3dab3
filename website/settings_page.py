"""docs/settings.md, written from the groups of settings: variable, default, bounds, and the text under each field."""

import ast
from collections.abc import Iterator, Mapping
from datetime import timedelta
from enum import Enum
from itertools import pairwise
from pathlib import Path
from typing import Final

from pydantic import ByteSize
from pydantic.fields import FieldInfo

from imagegen.settings import Settings, groups, limits
from imagegen.settings.groups import Group

PAGE: Final = Path(__file__).parent.parent / "docs/settings.md"
_HEAD: Final = """\
<!-- Written by `make pages` from src/imagegen/settings/groups.py and limits.py. -->
# Settings

Set these variables in the environment or in `.env` ([.env.example](../.env.example) has each of them, commented out).
None is required: if a server's variable is unset, the service starts a local one. A variable set to nothing counts as
unset. Durations are written `30s`, `10m`, `24h`, `7d`; sizes `32KiB`, `64MiB`.
"""
_UNITS: Final = ((86400, "d"), (3600, "h"), (60, "m"))
_SIZES: Final = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"), (1, ""))
_SIGNS: Final = {"gt": "more than {}", "ge": "at least {}", "lt": "less than {}", "le": "at most {}"}


def render() -> str:
    """The whole page."""
    texts = _texts_of_fields()
    return "\n".join([_HEAD, *(_section(kind, texts) for kind in _groups())])


def _groups() -> Iterator[type[Group]]:
    for info in Settings.model_fields.values():
        if isinstance(info.annotation, type) and issubclass(info.annotation, Group):
            yield info.annotation


def _section(kind: type[Group], texts: Mapping[tuple[str, str], str]) -> str:
    title, _, rest = " ".join((kind.__doc__ or "").split()).removesuffix(".").partition(". ")
    rows = [
        _row(f"`{info.validation_alias}`", _code(_default(info)), _bounds(info), texts[kind.__name__, name])
        for name, info in kind.model_fields.items()
    ]
    about = f"{rest}.\n\n" if rest else ""
    return f"## {title}\n\n{about}| Variable | Default | Bounds | Meaning |\n|---|---|---|---|\n{''.join(rows)}"


def _row(*cells: str) -> str:
    return "".join(f"| {cell} " if cell else "| " for cell in cells) + "|\n"


def _texts_of_fields() -> dict[tuple[str, str], str]:
    """The string under each field, by class and field."""
    trees = [ast.parse(Path(file).read_text(encoding="utf-8")) for file in (groups.__file__, limits.__file__)]
    found = dict[tuple[str, str], str]()
    for group in (statement for tree in trees for statement in tree.body):
        body = group.body if isinstance(group, ast.ClassDef) else []
        for field, below in pairwise(body):
            match field, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    found[getattr(group, "name", ""), name] = " ".join(text.split())
                case _:
                    pass
    return found


def _default(info: FieldInfo) -> str:
    value = info.default
    if isinstance(value, bool):
        return "1" if value else ""
    return "" if value is None else _written(value)


def _bounds(info: FieldInfo) -> str:
    bounds = [
        phrase.format(_code(_written(getattr(bound, name), size=_is_size(info))))
        for bound in info.metadata
        for name, phrase in _SIGNS.items()
        if hasattr(bound, name)
    ]
    return ", ".join(bounds)


def _is_size(info: FieldInfo) -> bool:
    return info.annotation is ByteSize


def _written(value: object, *, size: bool = False) -> str:
    """A value as it is written in a variable."""
    match value:
        case timedelta():
            seconds = int(value.total_seconds())
            fits = (f"{seconds // unit}{name}" for unit, name in _UNITS if _reads_well(seconds, unit))
            return next(fits, f"{seconds}s")
        case Enum():
            return str(value.value)
        case int() if size or isinstance(value, ByteSize):
            return next(f"{value // unit}{name}" for unit, name in _SIZES if value % unit == 0)
        case _:
            return str(value)


def _reads_well(seconds: int, unit: int) -> bool:
    """Whole hours and minutes, and days from two on: 24h, 7d."""
    return seconds % unit == 0 and seconds >= (unit if unit < _UNITS[0][0] else 2 * unit)


def _code(text: str) -> str:
    return f"`{text}`" if text else ""
