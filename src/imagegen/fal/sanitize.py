"""Text from fal, made safe to store, log and show."""

import re
from dataclasses import dataclass, replace
from typing import Final, Self
from urllib.parse import quote, quote_plus

from pydantic import JsonValue, SecretStr

from imagegen.jobs import without_signatures

LONGEST_MESSAGE: Final = 2000
LONGEST_LINE: Final = 500
# The secret half of a shorter key could be an ordinary word, as in a sandbox's key; fal's own have 32 characters.
_SHORTEST_SECRET: Final = 12
# C0 and C1 controls, line separators, and the marks that reorder what a terminal shows.
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_URL_MARKS: Final = re.compile(r"[/?&=#:]+")
_LONE_SURROGATES: Final = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Sanitizer:
    """Removes secrets and control characters from text that came from outside.

    Attributes:
        key: fal's key.
        webhook_url: of the one request that the text concerns. It holds a secret too.
    """

    key: SecretStr
    webhook_url: SecretStr | None = None

    def with_webhook(self, webhook_url: str | None) -> Self:
        """The sanitizer for text about a request with this webhook."""
        return self if webhook_url is None else replace(self, webhook_url=SecretStr(webhook_url))

    def clean(self, text: str, longest: int = LONGEST_MESSAGE) -> str:
        """One line without control characters and secrets, of at most `longest` characters."""
        plain = self._without(without_lone_surrogates(_CONTROLS.sub(" ", text)).strip())
        return plain if len(plain) <= longest else f"{plain[: longest - 1]}…"

    def without_secrets(self, value: JsonValue) -> JsonValue:
        """The same JSON without secrets in its strings and names; line breaks and controls stay."""
        if isinstance(value, str):
            return self._without(value)
        if isinstance(value, list):
            return [self.without_secrets(item) for item in value]
        if isinstance(value, dict):
            return {self._without(name): self.without_secrets(item) for name, item in value.items()}
        return value

    def _without(self, text: str) -> str:
        for secret in self._key_parts():
            text = text.replace(secret, "[FAL_KEY]")
        for secret in self._webhook_parts():
            text = text.replace(secret, "[WEBHOOK]")
        return without_signatures(text)

    def _webhook_parts(self) -> list[str]:
        """The whole URL, plain and percent-encoded, then every piece of it that is long enough to be a secret."""
        if self.webhook_url is None:
            return []
        url = self.webhook_url.get_secret_value()
        pieces = [piece for piece in _URL_MARKS.split(url) if len(piece) >= _SHORTEST_SECRET]
        return [url, quote_plus(url), quote(url), *sorted(pieces, key=len, reverse=True)]

    def _key_parts(self) -> list[str]:
        """The whole key first, then its secret half (`id:secret`), if it is long enough to be one."""
        key = self.key.get_secret_value()
        half = key.rpartition(":")[2]
        return [key, half] if len(half) >= _SHORTEST_SECRET else [key]


def is_blank(text: str) -> bool:
    """Whether nothing of the text is visible: it has only spaces, controls and the like."""
    return not any(character.isprintable() and not character.isspace() for character in text)


def without_lone_surrogates(text: str) -> str:
    """Replace lone surrogates, which JSON can carry as an escape and UTF-8 cannot encode."""
    return _LONE_SURROGATES.sub("\ufffd", text)


def storable(value: JsonValue) -> JsonValue:
    """The same JSON with strings and keys that UTF-8 can encode, and keys without the null character, as BSON needs."""
    if isinstance(value, str):
        return without_lone_surrogates(value)
    if isinstance(value, list):
        return [storable(item) for item in value]
    if isinstance(value, dict):
        return {without_lone_surrogates(k).replace("\0", "\ufffd"): storable(v) for k, v in value.items()}
    return value
