"""The types of settings: how each is written in a variable, and which values are refused."""

import re
from contextlib import suppress
from datetime import timedelta
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr

from imagegen.jobs.link_tokens import LONGEST_LIFE, read_link_secrets
from imagegen.keys import is_token
from imagegen.webhooks import read_secrets

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def _duration(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd]?)", value.strip())
    if match is None:
        raise ValueError("expected a duration such as 30s, 10m or 24h")
    return timedelta(seconds=float(match[1]) * _UNITS[match[2]])


def _life_of_links(value: object) -> object:
    """A duration; None for `never`."""
    if value in {None, "never"}:
        return None
    with suppress(ValueError):
        life = _duration(value)
        if isinstance(life, timedelta) and timedelta(seconds=1) <= life <= LONGEST_LIFE:
            return life
    raise ValueError(f"expected a duration from 1s to {LONGEST_LIFE.days}d, or never")


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("expected an address such as https://host or http://127.0.0.1:9000")
    if parts.username or parts.password:
        raise ValueError("expected an address without a user or password in it")
    return value.rstrip("/")


def _durable_mongodb(value: SecretStr) -> SecretStr:
    parts = urlsplit(value.get_secret_value())
    if parts.scheme not in {"mongodb", "mongodb+srv"}:
        raise ValueError("expected mongodb://… or mongodb+srv://…")
    options = {name.lower(): values[-1] for name, values in parse_qs(parts.query).items()}
    if options.get("w", "majority") != "majority":
        raise ValueError("w must be majority or absent: a weaker write concern loses accepted jobs when a server dies")
    if options.get("journal", "true").lower() != "true":
        raise ValueError("journal must not be switched off: accepted jobs would be lost when a server dies")
    return value


def _nats_address(value: SecretStr) -> SecretStr:
    if urlsplit(value.get_secret_value()).scheme not in {"nats", "tls", "ws", "wss"}:
        raise ValueError("expected nats://host:4222 or tls://host:4222")
    return value


def _fal_key(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if re.fullmatch(r"[^:\s]+:\S+", text) is None or not text.isascii() or not text.isprintable():
        raise ValueError("expected a key of the form id:secret, as fal.ai's dashboard shows it once")
    return value


def _matching(pattern: str, expected: str) -> AfterValidator:
    def check(value: str) -> str:
        if re.fullmatch(pattern, value) is None:
            raise ValueError(f"expected {expected}")
        return value

    return AfterValidator(check)


def split_list(value: str) -> tuple[str, ...]:
    """Split values separated by commas."""
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _host_names(value: str) -> str:
    for name in split_list(value):
        if not re.fullmatch(r"(\*\.)?[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", name):
            raise ValueError("expected host names without scheme or port, such as api.example.com or *.example.com")
    return value


def _url_schemes(value: str) -> str:
    if not split_list(value) or not set(split_list(value)) <= {"https", "http", "data"}:
        raise ValueError("expected some of https, http, data, separated by commas")
    return value


def _origins(value: str) -> str:
    for origin in split_list(value):
        if origin != "*" and re.fullmatch(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?", origin) is None:
            raise ValueError("expected origins such as https://app.example.com, separated by commas, or *")
    return value


def _webhook_secrets(value: SecretStr) -> SecretStr:
    read_secrets(value.get_secret_value())
    return value


def _link_secrets(value: SecretStr) -> SecretStr:
    read_link_secrets(value.get_secret_value())
    return value


def _token(value: SecretStr) -> SecretStr:
    if not is_token(value.get_secret_value()):
        raise ValueError(
            "expected a whole token of an API key: ig_, ten lower-case letters or digits, _, 43 letters or digits"
        )
    return value


BucketName = Annotated[
    str,
    _matching(
        r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
        "a bucket's name: 3 to 63 lower-case letters, digits, dots and hyphens",
    ),
]
DatabaseName = Annotated[str, _matching(r"[A-Za-z0-9_-]{1,38}", "a name of 1 to 38 letters, digits, _ and -")]
StreamName = Annotated[str, _matching(r"[A-Za-z0-9_-]{1,64}", "a name of 1 to 64 letters, digits, _ and -")]
ListenAddress = Annotated[str, _matching(r"[0-9A-Za-z.:-]+", "an address to listen on, such as 127.0.0.1 or 0.0.0.0")]
FalKey = Annotated[SecretStr, AfterValidator(_fal_key)]
KeyToken = Annotated[SecretStr, AfterValidator(_token)]
Duration = Annotated[timedelta, BeforeValidator(_duration)]
WebUrl = Annotated[str, AfterValidator(_web_address)]
LifeOfLinks = Annotated[timedelta | None, BeforeValidator(_life_of_links)]
MongoUrl = Annotated[SecretStr, AfterValidator(_durable_mongodb)]
NatsUrl = Annotated[SecretStr, AfterValidator(_nats_address)]
HostNames = Annotated[str, AfterValidator(_host_names)]
UrlSchemes = Annotated[str, AfterValidator(_url_schemes)]
Origins = Annotated[str, AfterValidator(_origins)]
WebhookSecrets = Annotated[SecretStr, AfterValidator(_webhook_secrets)]
LinkSecrets = Annotated[SecretStr, AfterValidator(_link_secrets)]
