"""Reads a JSON body within bounds: bytes, depth and values are counted before the parser makes objects of them.

Data URIs have a bound of their own. They are cut out before anything is counted or parsed, so that twenty megabytes of
picture cost one copy, and twenty megabytes of names cost nothing but their refusal.
"""

import json
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, cast

from pydantic import JsonValue

from imagegen.api.errors import Refusal
from imagegen.errors import Fault, InvalidInput
from imagegen.registry.documents import Place
from imagegen.registry.faults import pointer, spoken

_URI: Final = b'"data:'
_SHORT: Final = 256  # a shorter data URI is counted like any other text
_MOST_CUT: Final = 20_000
_NO_URI: Final = (b"\\", b"\n", b"\r", b"\t", b"\0")
# What encoders escape in base64: PHP the slash, .NET the plus sign, everything the ends of lines.
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
    """What a JSON body may have beside its data URIs.

    Attributes:
        most_bytes: of text, as it was sent; `bytes_variable` is what sets it.
        most_values: members and items of all objects and lists together; `values_variable` is what sets it.
        most_levels: of objects and lists in each other.
    """

    most_bytes: int
    most_values: int
    most_levels: int
    bytes_variable: str
    values_variable: str


def read_json(raw: bytes | bytearray, bounds: JsonBounds) -> JsonValue:
    """The JSON value that a body is.

    Raises:
        Refusal: it has too many bytes beside its data URIs (413).
        InvalidInput: it has too many values or levels, a member twice, or a number without end.
        json.JSONDecodeError: it is no JSON.
        UnicodeDecodeError: it is no UTF-8.
    """
    cut = _cut_data_uris(raw)
    if len(cut.text) > bounds.most_bytes:
        raise _too_large(bounds)
    _demand_bounds(cut.text, bounds)
    value = _parsed(cut.text.decode("utf-8-sig", "surrogatepass"))
    repeated = list(_repeated(value, ()))
    if repeated:
        raise InvalidInput([_given_twice(place) for place in repeated])
    return cut.restored(value) if cut.uris else value


class ArrivingText:
    """Tells of a body that is still arriving whether its text is too large already, so that it need not be kept."""

    def __init__(self, bounds: JsonBounds) -> None:
        self._bounds, self._look_at = bounds, bounds.most_bytes + 1
        self._looked, self._in_uris, self._found = 0, 0, 0

    def is_too_large(self, raw: bytearray) -> bool:
        """Whether more than the bound cannot be in data URIs. It is looked at anew for each MiB."""
        if len(raw) < self._look_at:
            return False
        self._look_at = len(raw) + 2**20
        return self._text_in(raw) > self._bounds.most_bytes

    def refusal(self) -> Refusal:
        """What to answer then."""
        return _too_large(self._bounds)

    def _text_in(self, raw: bytearray) -> int:
        while self._found < _MOST_CUT:
            start = raw.find(_URI, self._looked)
            if start < 0:
                self._looked = max(self._looked, len(raw) - len(_URI))
                break
            end = raw.find(b'"', start + 1)
            if end < 0:  # the rest so far may be a data URI
                self._looked = start
                return start - self._in_uris
            self._looked = end
            self._in_uris += end - start
            self._found += 1
        return len(raw) - self._in_uris


@dataclass(slots=True)
class _Cut:
    """A body's text with a short token in the place of each data URI."""

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
    cut, parts, done, looked = _Cut(), list[bytes | bytearray](), 0, 0
    for _ in range(_MOST_CUT):
        start = raw.find(_URI, looked) + 1
        end = raw.find(b'"', start)
        if start == 0 or end < 0:
            break
        looked = end
        uri = _uri(raw, start, end) if end - start >= _SHORT and raw[start - 2 : start - 1] != b"\\" else None
        if uri is not None:
            parts += (raw[done:start], cut.put_aside(uri))
            done = end
    cut.text = b"".join((*parts, raw[done:])) if parts else raw
    return cut


def _uri(raw: bytes | bytearray, start: int, end: int) -> str | None:
    """The data URI between two quotation marks; None if it has anything in it that no data URI has."""
    piece = raw[start:end]
    if b"\\" in piece:
        if b"\\\\" in piece:
            return None
        for escape, character in _ESCAPES:
            piece = piece.replace(escape, character)
        return None if b"\\" in piece or not piece.isascii() else piece.decode("ascii")
    return None if any(sign in piece for sign in _NO_URI) or not piece.isascii() else piece.decode("ascii")


def _demand_bounds(text: bytes | bytearray, bounds: JsonBounds) -> None:
    """Count what stands outside of strings: exact for JSON, and nothing but a bound for what is none."""
    unescaped = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    if unescaped.count(b'"') > 4 * bounds.most_values:  # a member has two strings, with two marks each
        raise _too_many(bounds)
    outside = b"".join(_outside_of_strings(unescaped))
    if _levels(outside, bounds) > bounds.most_levels:
        raise _too_deep(bounds)
    # Each list and each object with n values has n - 1 commas; empty ones count for one.
    if outside.count(b",") + outside.count(b"[") + outside.count(b"{") > bounds.most_values:
        raise _too_many(bounds)


def _outside_of_strings(unescaped: bytes | bytearray) -> Iterator[bytes]:
    """The text between the strings, whose quotation marks are all there are; in steps, because of the memory."""
    inside = 0
    for start in range(0, len(unescaped), _STEP):
        pieces = unescaped[start : start + _STEP].split(b'"')
        yield b"".join(pieces[inside::2])
        inside ^= (len(pieces) - 1) & 1


def _levels(outside: bytes, bounds: JsonBounds) -> int:
    level = deepest = 0
    for bracket in outside.translate(None, _NO_BRACKETS)[: 2 * bounds.most_values]:
        level += 1 if bracket in _OPENING else -1
        deepest = max(deepest, level)
    return deepest


class _Repeating(dict[str, JsonValue]):
    """An object that was given a member more than once."""

    names: tuple[str, ...] = ()


def _object(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    repeating = _Repeating(made)
    seen = set[str]()
    repeating.names = tuple({name: None for name, _ in pairs if name in seen or seen.add(name)})
    return repeating


def _parsed(text: str) -> JsonValue:
    try:
        return cast("JsonValue", json.loads(text, object_pairs_hook=_object))
    except json.JSONDecodeError:
        raise
    except ValueError:  # Python refuses to read longer integers
        message = "The body has a whole number with more than 4300 digits; no number may be that long."
        raise InvalidInput([Fault(pointer="", code="out_of_range", message=message)]) from None


def _repeated(value: JsonValue, place: Place) -> Iterator[Place]:
    parts: Sequence[tuple[str | int, JsonValue]] = ()
    if isinstance(value, _Repeating):
        yield from ((*place, name) for name in value.names)
    if isinstance(value, dict):
        parts = tuple(value.items())
    elif isinstance(value, list):
        parts = tuple(enumerate(value))
    for step, part in parts:
        if isinstance(part, dict | list):
            yield from _repeated(part, (*place, step))


def _given_twice(place: Place) -> Fault:
    message = f"{spoken(place)} is given more than once; give it once."
    return Fault(pointer=pointer(place), code="conflict", message=message)


def _too_large(bounds: JsonBounds) -> Refusal:
    detail = (
        f"The body has more than {bounds.most_bytes} bytes beside its data URIs, the limit of this service "
        f"({bounds.bytes_variable}). Give pictures as https URLs, or upload them with POST /api/uploads."
    )
    return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", detail)


def _too_many(bounds: JsonBounds) -> InvalidInput:
    most = f"at most {bounds.most_values} members and items in all ({bounds.values_variable})"
    return InvalidInput([Fault(pointer="", code="too_large", message=f"The body may have {most}.")])


def _too_deep(bounds: JsonBounds) -> InvalidInput:
    message = f"The body must be nested at most {bounds.most_levels} levels deep (IMAGEGEN_MAX_JSON_DEPTH)."
    return InvalidInput([Fault(pointer="", code="too_deep", message=message)])
