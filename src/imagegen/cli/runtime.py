"""What commands share before and while they work: settings, the log, the event loop."""

import asyncio
import gc
import logging
import sys
from collections.abc import Coroutine, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from imagegen.observability.logs import Events
    from imagegen.settings import Settings

T = TypeVar("T")
_log = logging.getLogger("imagegen")


@contextmanager
def collector_off() -> Generator[None]:
    """Keep the garbage collector off during the imports of a long-lived process; `imagegen.__main__` says why."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def read_settings() -> "tuple[Settings, Events]":
    """Read the settings and start logging as they say.

    Raises:
        SettingsError: a variable is wrong.
    """
    from imagegen.observability.logs import start_logging
    from imagegen.settings import Settings

    settings = Settings.read()
    events = start_logging(settings.service.log_level, settings.log_format, settings.secrets)
    for warning in settings.warnings:
        _log.warning("settings: %s", warning)
    return settings, events


def run(work: Coroutine[object, object, T]) -> T:
    """Run in an event loop of the fastest kind that the platform has."""
    if sys.platform == "win32":
        return asyncio.run(work)
    import uvloop  # not available on Windows

    return uvloop.run(work)
