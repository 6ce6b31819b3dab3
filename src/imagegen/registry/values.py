"""Checks of single values that pydantic has no type for: what storage can keep, what fal.ai can fetch.

The type of their errors is a code of `faults.py`; the message is the end of a sentence.
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
# No C0 or C1 controls, zero-width spaces, line separators or marks that reorder text, and no space at the ends.
_HIDDEN = r"\u0000-\u001F\u007F-\u009F\u00AD\u061C\u180E\u200B-\u200F\u2028-\u202E\u2060-\u206F\uFEFF\uFFF9-\uFFFB"
_PLAIN = re.compile(rf"^[^\s{_HIDDEN}]([^{_HIDDEN}]*[^\s{_HIDDEN}])?$")
# The short form in the OpenAPI document; hidden characters are checked when a request arrives.
PLAIN_TEXT = r"^\S(.*\S)?$"
BLANK: Final = "blank"
_INVISIBLE_CATEGORIES: Final = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})  # Unicode categories of controls and spaces
# Letters and marks by category that are drawn as nothing: fillers, joiners, the empty Braille pattern.
_EMPTY_LETTERS: Final = re.compile(
    r"[\u034F\u115F\u1160\u17B4\u17B5\u2800\u3164\uFE00-\uFE0F\uFFA0\U000E0100-\U000E01EF]"
)
SYNC_MODE = "sync_mode"
WHY_NO_SYNC_MODE = "is not accepted: fal.ai would keep no history of the request, and its images could be lost"


def to_integer(value: object) -> object:
    """Turn a JSON number such as 1024.0 into an integer, because JSON Schema does not distinguish the two."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def reject_boolean(value: object) -> object:
    """Refuse true and false, which Python treats as 1 and 0."""
    if isinstance(value, bool):
        raise PydanticCustomError("wrong_type", "must be a whole number")
    return value


def check_number(value: object, check: ValidatorFunctionWrapHandler) -> object:
    """Check a number and return it unchanged, so that an integer stays one."""
    check(value)
    if isinstance(value, int) and not INT64_MIN <= value <= INT64_MAX:
        raise PydanticCustomError("out_of_range", "must fit in 64 bits")
    return value


def check_visible(value: object) -> object:
    """Refuse text without a visible character: it would be paid for, but asks for nothing."""
    if value == "":
        raise PydanticCustomError("too_short", "must not be empty")
    if isinstance(value, str) and all(map(_is_invisible, value)):
        raise PydanticCustomError(BLANK, "must not be blank: it has only spaces or invisible characters")
    return value


def _is_invisible(character: str) -> bool:
    return unicodedata.category(character) in _INVISIBLE_CATEGORIES or _EMPTY_LETTERS.match(character) is not None


def check_image_url(value: str, longest: int | None = None) -> str:
    """Check an http or https URL, or a data URI, whose content is checked when a job is accepted.

    `longest` limits the characters of a URL. Data URIs are limited for the request as a whole.
    """
    if not is_data_uri(value):
        if longest is not None and len(value) > longest:
            raise PydanticCustomError("wrong_format", "must have at most {longest} characters", {"longest": longest})
        return check_web_url(value)
    if not has_data(value):
        raise PydanticCustomError("wrong_format", "must begin like data:image/png;base64, if it is a data URI")
    return value


def check_web_url(value: str) -> str:
    """Check an http or https URL with a host."""
    if any(character.isspace() or not character.isprintable() for character in value) or not _has_host(value):
        raise PydanticCustomError(
            "wrong_format",
            "must be an http or https URL, such as https://example.com/photo.jpg; upload a file with POST /api/uploads",
        )
    return value


def check_webhook_url(value: str) -> str:
    """Check the form of a URL for webhooks."""
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


def check_printable(value: str) -> str:
    """Check text for control characters, line breaks, invisible marks and half surrogate pairs."""
    if _PLAIN.fullmatch(value) is None:
        raise PydanticCustomError(
            "wrong_format", "must be printable text, without control characters and without spaces at its ends"
        )
    _check_text(value)
    return value


def check_storable(value: object) -> object:
    """Check that MongoDB returns a JSON value unchanged."""
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
