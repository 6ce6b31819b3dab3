"""Keeping the secrets in the addresses of fal's webhooks out of the log."""

import logging
import re
from typing import Final

from imagegen.submission import WEBHOOKS

_SECRET: Final = re.compile(rf"({re.escape(WEBHOOKS)}/[^/?\s]*/)[^/?\s]+")


def without_secret(path: str) -> str:
    """The path of a request, fit for a log."""
    return _SECRET.sub(r"\1…", path)


def keep_secrets_out_of_the_access_log() -> None:
    """From now on uvicorn logs the paths of requests as `without_secret` gives them."""
    logging.getLogger("uvicorn.access").addFilter(_without_secrets)


def _without_secrets(record: logging.LogRecord) -> bool:
    if isinstance(record.args, tuple):
        record.args = tuple(without_secret(part) if isinstance(part, str) else part for part in record.args)
    return True
