"""A strict reader of lists of structured fields (RFC 9651), as far as this service sends them."""

import re
from collections.abc import Mapping
from typing import Final

Value = str | int
_STRING: Final = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
_INTEGER: Final = re.compile(r"-?[0-9]{1,15}(?![0-9.])")
_KEY: Final = re.compile(r"[a-z*][a-z0-9_.*-]*")
_PARAMETER: Final = re.compile(r"; *")
_COMMA: Final = re.compile(r"[ \t]*,[ \t]*")


def read_list(field: str) -> Mapping[str, Mapping[str, Value]]:
    """The members of a list, each a string, with their parameters. Raises ValueError."""
    reader = _Reader(field)
    members: dict[str, Mapping[str, Value]] = {}
    while True:
        member = reader.string()
        if member in members:
            raise ValueError(f"{member!r} is there twice: {field!r}")
        members[member] = reader.parameters()
        if reader.is_at_end:
            return members
        reader.take(_COMMA)


class _Reader:
    """Reads a field from its beginning to its end."""

    def __init__(self, field: str) -> None:
        self._field, self._at = field, 0

    @property
    def is_at_end(self) -> bool:
        return self._at == len(self._field)

    def take(self, pattern: re.Pattern[str]) -> re.Match[str]:
        found = self.try_take(pattern)
        if found is None:
            raise ValueError(f"expected {pattern.pattern} at {self._at} of {self._field!r}")
        return found

    def try_take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self._field, self._at)
        self._at = found.end() if found is not None else self._at
        return found

    def string(self) -> str:
        return re.sub(r'\\(["\\])', r"\1", self.take(_STRING)[1])

    def parameters(self) -> Mapping[str, Value]:
        parameters: dict[str, Value] = {}
        while self.try_take(_PARAMETER) is not None:
            name = self.take(_KEY)[0]
            self.take(re.compile("="))
            number = self.try_take(_INTEGER)
            parameters[name] = int(number[0]) if number is not None else self.string()
        return parameters
