"""Reads a JSON body within bounds. Bytes, depth and values are counted before the parser creates any objects.

Data URIs have a separate bound. They are cut out before counting and parsing, so that a twenty-megabyte image costs one
copy, and twenty megabytes of names cost only the refusal.
"""

import json
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, cast

from pydantic import JsonValue

from imagegen.api.http.problems import HttpProblem
from imagegen.errors import Fault, InvalidInput
from imagegen.registry.documents import Place
from imagegen.registry.faults import dotted_path, json_pointer

_URI: Final = b'"data:'
_SHORT: Final = 256  # bytes; a shorter data URI counts as ordinary text
_MOST_CUT: Final = 20_000
_NO_URI: Final = (b"\\", b"\n", b"\r", b"\t", b"\0")
# Characters that JSON encoders escape in base64: PHP the slash, .NET the plus sign, all of them line ends.
_ESCAPES: Final = (
    (b"\\/", b"/"),
    (b"\\n", b"\n"),
    (b"\\r", b"\r"),
    (b"\\u002b", b"+"),
    (b"\\u002B", b"+"),
    (b"\\u002f", b"/"),
    (b"\\u002F", b"/"),
    (b"\\u003d", b"="),
    (b"\\u003D", b"="),
)
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_STEP: Final = 64 * 2**10
_OPENING: Final = frozenset(b"[{")


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonBounds:
    """What a JSON body may hold besides its data URIs.

    Attributes:
        most_bytes: bytes of text, as sent; set by the environment variable in `bytes_variable`.
        most_values: members and items of all objects and lists together; set by the variable in `values_variable`.
        most_levels: levels of nesting.
    """

    most_bytes: int
    most_values: int
    most_levels: int
    bytes_variable: str
    values_variable: str


def read_json(raw: bytes | bytearray, bounds: JsonBounds) -> JsonValue:
    """Parse a JSON body.

    Raises:
        HttpProblem: it has too many bytes besides its data URIs (413).
        InvalidInput: it has too many values or levels, a duplicate member, or an overlong number.
        json.JSONDecodeError: it is not JSON.
        UnicodeDecodeError: it is not UTF-8.
    """
    cut = _cut_data_uris(raw)
    if len(cut.text) > bounds.most_bytes:
        raise _too_large(bounds)
    _require_bounds(cut.text, bounds)
    value = _parsed(cut.text.decode("utf-8-sig", "surrogatepass"))
    duplicates = list(_duplicates(value, ()))
    if duplicates:
        raise InvalidInput([_given_twice(place) for place in duplicates])
    return cut.restored(value) if cut.uris else value


class ArrivingText:
    """Detects that the text of a body that is still arriving is already too large, so that it need not be kept."""

    def __init__(self, bounds: JsonBounds) -> None:
        self._bounds, self._check_at = bounds, bounds.most_bytes + 1
        self._scanned, self._in_uris, self._found = 0, 0, 0

    def is_too_large(self, raw: bytearray) -> bool:
        """Whether more than the bound is certainly outside of data URIs. Checked again for each MiB."""
        if len(raw) < self._check_at:
            return False
        self._check_at = len(raw) + 2**20
        return self._text_in(raw) > self._bounds.most_bytes

    def refusal(self) -> HttpProblem:
        """The problem to respond with."""
        return _too_large(self._bounds)

    def _text_in(self, raw: bytearray) -> int:
        while self._found < _MOST_CUT:
            start = raw.find(_URI, self._scanned)
            if start < 0:
                self._scanned = max(self._scanned, len(raw) - len(_URI))
                break
            end = raw.find(b'"', start + 1)
            if end < 0:  # the rest so far may be a data URI
                self._scanned = start
                return start - self._in_uris
            self._scanned = end
            self._in_uris += end - start
            self._found += 1
        return len(raw) - self._in_uris


@dataclass(slots=True)
class _Cut:
    """A body's text with a short token in place of each data URI."""

    text: bytes | bytearray = b""
    token: str = field(default_factory=lambda: secrets.token_hex(16))
    uris: dict[str, str] = field(default_factory=dict[str, str])

    def put_aside(self, uri: str) -> bytes:
        token = f"{self.token}{len(self.uris)}"
        self.uris[token] = uri
        return token.encode()

    def restored(self, value: JsonValue) -> JsonValue:
        match value:
            case str():
                return self.uris.get(value, value)
            case list():
                return [self.restored(item) for item in value]
            case dict():
                return {self.uris.get(name, name): self.restored(member) for name, member in value.items()}
            case _:
                return value


def _cut_data_uris(raw: bytes | bytearray) -> _Cut:
    cut, parts, done, scanned = _Cut(), list[bytes | bytearray](), 0, 0
    for _ in range(_MOST_CUT):
        start = raw.find(_URI, scanned) + 1
        end = raw.find(b'"', start)
        if start == 0 or end < 0:
            break
        scanned = end
        uri = _uri(raw, start, end) if end - start >= _SHORT and raw[start - 2 : start - 1] != b"\\" else None
        if uri is not None:
            parts += (raw[done:start], cut.put_aside(uri))
            done = end
    cut.text = b"".join((*parts, raw[done:])) if parts else raw
    return cut


def _uri(raw: bytes | bytearray, start: int, end: int) -> str | None:
    """The data URI between two quotation marks; None if it contains anything that no data URI contains."""
    piece = raw[start:end]
    if b"\\" in piece:
        if b"\\\\" in piece:
            return None
        for escape, character in _ESCAPES:
            piece = piece.replace(escape, character)
        return None if b"\\" in piece or not piece.isascii() else piece.decode("ascii")
    return None if any(sign in piece for sign in _NO_URI) or not piece.isascii() else piece.decode("ascii")


def _require_bounds(text: bytes | bytearray, bounds: JsonBounds) -> None:
    """Count what is outside of strings. The counts are exact for JSON; for any other text they are only a bound."""
    marks = values = level = deepest = inside = 0
    brackets_left = 2 * bounds.most_values
    for step in _steps_without_escapes(text):
        pieces = step.split(b'"')
        outside = b"".join(pieces[inside::2])
        inside ^= (len(pieces) - 1) & 1
        marks += len(pieces) - 1
        # Each list and each object with n values has n - 1 commas; empty ones count for one.
        values += outside.count(b",") + outside.count(b"[") + outside.count(b"{")
        brackets = outside.translate(None, _NO_BRACKETS)[:brackets_left]
        brackets_left -= len(brackets)
        for bracket in brackets:
            level += 1 if bracket in _OPENING else -1
            deepest = max(deepest, level)
    if marks > 4 * bounds.most_values:  # a member has two strings, with two marks each
        raise _too_many(bounds)
    if deepest > bounds.most_levels:
        raise _too_deep(bounds)
    if values > bounds.most_values:
        raise _too_many(bounds)


def _steps_without_escapes(text: bytes | bytearray) -> Iterator[bytes]:
    """The text without escaped quotation marks and backslashes. It goes in steps to save memory."""
    half_escape = b""
    for start in range(0, len(text), _STEP):
        step = half_escape + text[start : start + _STEP]
        is_cut = (len(step) - len(step.rstrip(b"\\"))) % 2
        half_escape = step[len(step) - is_cut :]
        yield step[: len(step) - is_cut].replace(b"\\\\", b"").replace(b'\\"', b"")


class _WithDuplicates(dict[str, JsonValue]):
    """An object with duplicate members."""

    names: tuple[str, ...] = ()


def _object(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    duplicated = _WithDuplicates(made)
    seen = set[str]()
    duplicated.names = tuple({name: None for name, _ in pairs if name in seen or seen.add(name)})
    return duplicated


def _parsed(text: str) -> JsonValue:
    try:
        return cast("JsonValue", json.loads(text, object_pairs_hook=_object))
    except json.JSONDecodeError:
        raise
    except ValueError:  # Python refuses to parse longer integers
        message = "The body has an integer with more than 4300 digits; no number may be that long."
        raise InvalidInput([Fault(pointer="", code="out_of_range", message=message)]) from None


def _duplicates(value: JsonValue, place: Place) -> Iterator[Place]:
    parts: Sequence[tuple[str | int, JsonValue]] = ()
    if isinstance(value, _WithDuplicates):
        yield from ((*place, name) for name in value.names)
    if isinstance(value, dict):
        parts = tuple(value.items())
    elif isinstance(value, list):
        parts = tuple(enumerate(value))
    for step, part in parts:
        if isinstance(part, dict | list):
            yield from _duplicates(part, (*place, step))


def _given_twice(place: Place) -> Fault:
    message = f"{dotted_path(place)} is given more than once; give it once."
    return Fault(pointer=json_pointer(place), code="conflict", message=message)


def _too_large(bounds: JsonBounds) -> HttpProblem:
    detail = (
        f"The body has more than {bounds.most_bytes} bytes besides its data URIs, the limit of this service "
        f"({bounds.bytes_variable}). Give images as https URLs, or upload them with POST /api/uploads."
    )
    return HttpProblem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", detail)


def _too_many(bounds: JsonBounds) -> InvalidInput:
    most = f"at most {bounds.most_values} members and items in all ({bounds.values_variable})"
    return InvalidInput([Fault(pointer="", code="too_large", message=f"The body may have {most}.")])


def _too_deep(bounds: JsonBounds) -> InvalidInput:
    message = f"The body must be nested at most {bounds.most_levels} levels deep (IMAGEGEN_MAX_JSON_DEPTH)."
    return InvalidInput([Fault(pointer="", code="too_deep", message=message)])
