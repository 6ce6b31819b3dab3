"""The details of a result: its members beside the images, kept and shown, so bounded and without secrets."""

import json
import re
from collections.abc import Collection
from typing import Final, TypeGuard

from pydantic import JsonValue

from imagegen.jobs.urls import normalize_url
from imagegen.json_object import JsonObject

MOST_BYTES: Final = 64 * 1024  # of the details as JSON
LONGEST_TEXT: Final = 32 * 1024  # bytes
LONGEST_NAME: Final = 100  # characters
MOST_VALUES: Final = 1000
DEEPEST: Final = 8
TRUNCATED: Final = "truncated"
# Kept first if not everything fits: what reproduces the image, and what the model reported.
_FIRST: Final = ("seed", "prompt", "revised_prompt", "description", "timings", "has_nsfw_concepts")
_PUNCTUATION: Final = 4  # most bytes around a member: quotes, colon, comma
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False)  # `json.dumps` makes a new one for each value
_SECRETS: Final = re.compile(
    r"((?:X-Amz-(?:Signature|Credential|Security-Token)|X-Goog-(?:Signature|Credential)|Signature)=)[^&\s\"'<>]+"
    r"|(/api/webhooks/fal/[^/?\s]*/)[^/?\s\"']+",
    re.IGNORECASE,
)


class _Nothing:
    """Stands for a value that is left out."""


_NOTHING: Final = _Nothing()


def result_details(payload: JsonObject, hidden: Collection[str] = ()) -> dict[str, JsonValue]:
    """The members of a result except its images, within the limits above. Idempotent.

    Args:
        payload: fal's result, or the details from an earlier call.
        hidden: normalized URLs, of the images and of the request. They are left out with the file objects around them.

    Returns:
        The details, with `truncated` true if something did not fit. A text that was cut ends in `…`.
    """
    bounds = _Bounds(hidden)
    ordered = {name: payload[name] for name in _FIRST if name in payload} | dict(payload)
    was_truncated = ordered.pop(TRUNCATED, _NOTHING)
    kept = bounds.members(ordered, 0)
    if bounds.exceeded:
        return {**kept, TRUNCATED: True}
    return kept if isinstance(was_truncated, _Nothing) else {**kept, **bounds.members({TRUNCATED: was_truncated}, 0)}


def without_signatures(text: str) -> str:
    """The text without the signatures of links and without the secret in the URL of fal's webhook."""
    return _SECRETS.sub(lambda found: f"{found[1] or found[2]}[REDACTED]", text) if "/" in text else text


class _Bounds:
    """The remaining room in bytes and values. `exceeded` is set once something is left out because of a limit."""

    def __init__(self, hidden: Collection[str]) -> None:
        self._hidden = hidden
        self._bytes, self._values = MOST_BYTES, MOST_VALUES
        self.exceeded = False

    def members(self, members: JsonObject, depth: int) -> dict[str, JsonValue]:
        kept: dict[str, JsonValue] = {}
        for name, value in members.items():
            if self._values <= 0:
                self.exceeded = True
                break
            if len(name) > LONGEST_NAME or not self._fits(name):
                self.exceeded = True
                continue
            if _is_there(item := self._value(value, depth + 1)):
                kept[name] = item
        return kept

    def _value(self, value: JsonValue, depth: int) -> JsonValue | _Nothing:
        self._values -= 1
        match value:
            case dict() | list() if depth > DEEPEST:
                return self._left_out()
            case dict():
                if self._is_hidden(value.get("url")):
                    return _NOTHING
                inner = self.members(value, depth)
                return inner if inner or not value else _NOTHING
            case list():
                return self._items(value, depth)
            case str():
                return self._text(value)
            case _:
                return value if self._fits(value) else self._left_out()

    def _items(self, items: list[JsonValue], depth: int) -> JsonValue | _Nothing:
        kept: list[JsonValue] = []
        for item in items:
            if self._values <= 0:
                self.exceeded = True
                break
            if _is_there(inner := self._value(item, depth + 1)):
                kept.append(inner)
        return kept if kept or not items else _NOTHING

    def _text(self, text: str) -> str | _Nothing:
        if self._is_hidden(text):
            return _NOTHING
        if text[:5].casefold() == "data:":
            return self._left_out()
        shown = without_signatures(text[:LONGEST_TEXT])
        encoded = shown.encode(errors="replace")
        if len(text) > LONGEST_TEXT or len(encoded) > LONGEST_TEXT:
            self.exceeded = True
            shown = encoded[: LONGEST_TEXT - 3].decode(errors="ignore") + "…"
        return shown if self._fits(shown) else self._left_out()

    def _fits(self, value: JsonValue) -> bool:
        size = len(_ENCODER.encode(value).encode(errors="replace")) + _PUNCTUATION
        if size > self._bytes:
            return False
        self._bytes -= size
        return True

    def _left_out(self) -> _Nothing:
        self.exceeded = True
        return _NOTHING

    def _is_hidden(self, value: JsonValue) -> bool:
        return isinstance(value, str) and ":" in value and normalize_url(value) in self._hidden


def _is_there(value: JsonValue | _Nothing) -> TypeGuard[JsonValue]:
    return not isinstance(value, _Nothing)
