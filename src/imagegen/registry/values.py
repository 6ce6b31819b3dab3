"""Checks of single values that pydantic has no type for: what storage can keep, what fal.ai can fetch.

Their errors carry one of the codes of `faults.py` as their type, and the end of a sentence as their message.
"""

import math
import re
import unicodedata
from typing import Final, cast
from urllib.parse import urlsplit

from pydantic import ValidatorFunctionWrapHandler
from pydantic_core import PydanticCustomError

from imagegen.data_uris import has_data, is_data_uri
from imagegen.webhooks import url_fault

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
MAX_DEPTH = 32
# C0 and C1 controls, spaces of no width, line separators, and the marks that reorder what is shown; no end is a space.
_HIDDEN = r"\u0000-\u001F\u007F-\u009F\u00AD\u061C\u180E\u200B-\u200F\u2028-\u202E\u2060-\u206F\uFEFF\uFFF9-\uFFFB"
_PLAIN = re.compile(rf"^[^\s{_HIDDEN}]([^{_HIDDEN}]*[^\s{_HIDDEN}])?$")
# The same as the document shows it: short; what is hidden is looked for when a request comes.
PLAIN_TEXT = r"^\S(.*\S)?$"
BLANK: Final = "blank"
_SHOWS_NOTHING: Final = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})  # Unicode's categories of controls and spaces
# Letters and marks by their category, and drawn as nothing: fillers, joiners, the empty Braille pattern.
_EMPTY_LETTERS: Final = re.compile(
    r"[\u034F\u115F\u1160\u17B4\u17B5\u2800\u3164\uFE00-\uFE0F\uFFA0\U000E0100-\U000E01EF]"
)
SYNC_MODE = "sync_mode"
WHY_NO_SYNC_MODE = "is not accepted: fal.ai would keep no history of the request, and its pictures could be lost"


def whole(value: object) -> object:
    """The integer that a JSON number such as 1024.0 is; JSON Schema draws no line between the two."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def no_boolean(value: object) -> object:
    """Any value but true and false, which Python takes for 1 and 0."""
    if isinstance(value, bool):
        raise PydanticCustomError("wrong_type", "must be a whole number")
    return value


def number_as_given(value: object, check: ValidatorFunctionWrapHandler) -> object:
    """A number that passes the check, still an integer if it was one."""
    check(value)
    if isinstance(value, int) and not INT64_MIN <= value <= INT64_MAX:
        raise PydanticCustomError("out_of_range", "must fit in 64 bits")
    return value


def visible(value: object) -> object:
    """Any value but a text in which nothing can be seen: it would be paid for, and ask for nothing."""
    if value == "":
        raise PydanticCustomError("too_short", "must not be empty")
    if isinstance(value, str) and all(map(_shows_nothing, value)):
        raise PydanticCustomError(BLANK, "must not be blank: it has only spaces or invisible characters")
    return value


def _shows_nothing(character: str) -> bool:
    return unicodedata.category(character) in _SHOWS_NOTHING or _EMPTY_LETTERS.match(character) is not None


def picture_address(value: str, longest: int | None = None) -> str:
    """An http or https URL, or a data URI; what the latter holds is looked at when a job is accepted.

    `longest` is a bound in characters for the URL; that of data URIs is the request's.
    """
    if not is_data_uri(value):
        if longest is not None and len(value) > longest:
            raise PydanticCustomError("wrong_format", "must have at most {longest} characters", {"longest": longest})
        return web_address(value)
    if not has_data(value):
        raise PydanticCustomError("wrong_format", "must begin like data:image/png;base64, if it is a data URI")
    return value


def web_address(value: str) -> str:
    """An http or https URL with a host."""
    if any(character.isspace() or not character.isprintable() for character in value) or not _has_host(value):
        raise PydanticCustomError("wrong_format", "must be an http or https URL, such as https://example.com/photo.jpg")
    return value


def webhook_address(value: str) -> str:
    """A URL that a webhook can be sent to, as far as its form goes."""
    fault = url_fault(value)
    if fault is not None:
        raise PydanticCustomError("wrong_format", "{fault}", {"fault": fault})
    return value


def _has_host(value: str) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def printable(value: str) -> str:
    """Text without control characters, line breaks, invisible marks or half surrogate pairs."""
    if _PLAIN.fullmatch(value) is None:
        raise PydanticCustomError(
            "wrong_format", "must be printable text, without control characters and without spaces at its ends"
        )
    _check_text(value)
    return value


def storable(value: object) -> object:
    """Any JSON value that MongoDB gives back as it was."""
    _check_storable(value, depth=1)
    return value


def _check_storable(value: object, depth: int) -> None:
    match value:
        case None | bool():
            pass
        case int():
            if not INT64_MIN <= value <= INT64_MAX:
                raise PydanticCustomError("out_of_range", "must hold no integer beyond 64 bits")
        case float():
            if not math.isfinite(value):
                raise PydanticCustomError("out_of_range", "must hold finite numbers only")
        case str():
            _check_text(value)
        case list() | dict():
            _check_parts(cast("list[object] | dict[object, object]", value), depth)
        case _:
            raise PydanticCustomError("wrong_type", "must be JSON")


def _check_parts(value: list[object] | dict[object, object], depth: int) -> None:
    if depth > MAX_DEPTH:
        raise PydanticCustomError("too_deep", "must be nested at most {most} levels deep", {"most": MAX_DEPTH})
    if isinstance(value, dict):
        for key in value:
            _check_key(key)
    for part in value.values() if isinstance(value, dict) else value:
        _check_storable(part, depth + 1)


def _check_key(key: object) -> None:
    if not isinstance(key, str) or "\0" in key:
        raise PydanticCustomError("wrong_format", "must have names without the character NUL")
    _check_text(key)


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise PydanticCustomError("wrong_format", "must be valid Unicode, without half surrogate pairs") from None
