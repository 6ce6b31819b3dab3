"""The hash that tells a repeated body from another one: of its JSON, with sorted names."""

import hashlib
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from imagegen.jobs.image_keys import unsigned

_BLOCK: Final = 64 * 1024  # characters; a longer text, such as a data URI, is written to JSON in such blocks


@dataclass(frozen=True, slots=True)
class BodyHashes:
    """The hashes of one body, in hexadecimal.

    Attributes:
        sha256: of the body as sent.
        unsigned_sha256: of the body without the signatures of its links to the user's own images; None if it has none.
    """

    sha256: str
    unsigned_sha256: str | None


def hash_body(body: JsonValue) -> BodyHashes:
    """Hash a body. The hash is that of `json.dumps` with sorted names.

    A data URI has megabytes, and `json.dumps` holds the interpreter's lock until it has written one. So long texts are
    cut out, and written in blocks between which other threads run.
    """
    cut = _LongTexts(mark=secrets.token_hex(16))
    text = json.dumps(cut.from_value(body), sort_keys=True)
    lasting = unsigned(text)
    return BodyHashes(cut.sha256(text), None if lasting == text else cut.sha256(lasting))


class _LongTexts:
    """Long texts, cut out of one value in the order of its JSON. A mark that no caller can guess takes their places."""

    def __init__(self, mark: str) -> None:
        self._mark = mark
        self._texts: list[str] = []

    def from_value(self, value: JsonValue) -> JsonValue:
        """Cut the long texts out of a value."""
        match value:
            case str() if len(value) > _BLOCK:
                self._texts.append(value)
                return self._mark
            case dict():
                return {name: self.from_value(value[name]) for name in sorted(value)}
            case list():
                return [self.from_value(part) for part in value]
            case _:
                return value

    def sha256(self, text: str) -> str:
        """The hash of a JSON text with every long text back in its place."""
        first, *others = text.split(f'"{self._mark}"')
        digest = hashlib.sha256(first.encode())
        for long, after in zip(self._texts, others, strict=True):
            digest.update(b'"')
            for block in _blocks(long):
                digest.update(json.dumps(block)[1:-1].encode())
            digest.update(b'"' + after.encode())
        return digest.hexdigest()


def _blocks(text: str) -> Iterator[str]:
    for start in range(0, len(text), _BLOCK):
        yield text[start : start + _BLOCK]
