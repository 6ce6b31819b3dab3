"""Turns a record of `logging` into the event that is written, in one form for our own lines and the libraries'.

The only file that imports structlog.
"""

import logging
import traceback
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any, Final, cast

import structlog
from structlog.typing import EventDict, Processor

from imagegen.errors import ProviderError
from imagegen.observability.logs.redaction import redaction
from imagegen.observability.tracing import current_trace_id

_SAFE: Final = frozenset({"timestamp", "level", "logger"})  # made here; no other text is in them
_REPEATED: Final = frozenset({"http_method", "http_route", "http_status"})  # the message of a request has them
_INTERNAL: Final = ("color_message", "_record", "_from_structlog")  # uvicorn's colored copy; structlog's own fields


def bind_log_context(**names: str) -> None:
    """Add fields to every line that this task, and tasks that it starts, log from now on."""
    structlog.contextvars.bind_contextvars(**names)


class Events:
    """Turns records into events.

    Args:
        secrets: replaced wherever they appear.
        verbose: whether messages that may quote a prompt are shown: those of fal's errors and of exceptions.
    """

    def __init__(self, secrets: Sequence[str] = (), *, verbose: bool) -> None:
        self._secrets, self._redact, self._verbose = (*secrets,), redaction(secrets), verbose
        self._chain: tuple[Processor, ...] = (
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _add_trace,
            self._describe_exception,
            self._redact_all,
        )

    def add_secrets(self, secrets: Sequence[str]) -> None:
        """Replace further secrets, which became known after the start."""
        self._secrets = (*self._secrets, *secrets)
        self._redact = redaction(self._secrets)

    def event(self, record: logging.LogRecord) -> Mapping[str, Any]:
        """The event of a record: `event` is its message, the other members are fields."""
        event: EventDict = {"event": self._text(record), "_record": record}
        if record.exc_info:
            event["exc_info"] = record.exc_info
        for process in self._chain:
            event = cast("EventDict", process(None, record.levelname.lower(), event))
        return event

    def _text(self, record: logging.LogRecord) -> str:
        if self._verbose:
            return record.getMessage()
        if record.name == "asyncio":  # after its first line comes the repr of a task, with the exception's message
            return record.getMessage().partition("\n")[0]
        if isinstance(record.args, tuple) and record.args:
            return str(record.msg) % tuple(_without_fals_message(argument) for argument in record.args)
        return record.getMessage()

    def _describe_exception(self, _logger: object, _method: str, event: EventDict) -> EventDict:
        """Show places and types of exceptions, and their messages only if verbose."""
        match event.pop("exc_info", None):
            case (_, BaseException() as error, _):
                described = traceback.TracebackException.from_exception(error, compact=True)
                if not self._verbose:
                    _remove_messages(described)
                event["exception"] = "".join(described.format()).rstrip()
            case _:
                pass
        return event

    def _redact_all(self, _logger: object, _method: str, event: EventDict) -> EventDict:
        return {
            name: value if name in _SAFE else self._shown(value)
            for name, value in event.items()
            if name not in _INTERNAL
        }

    def _shown(self, value: object) -> object:
        if isinstance(value, bool | int | float) or value is None:
            return value
        return self._redact(str(value))


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def __init__(self, events: Events) -> None:
        super().__init__()
        self._events, self._render = events, structlog.processors.JSONRenderer(ensure_ascii=False)

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        return str(self._render(None, "", dict(self._events.event(record))))


class TerminalLines(logging.Formatter):
    """Lines for people: time, level, message, and the fields that say more than the message."""

    def __init__(self, events: Events, *, colors: bool) -> None:
        super().__init__()
        self._events, self._render = events, structlog.dev.ConsoleRenderer(colors=colors, pad_event_to=0)

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record. No text in it can begin another line or move the cursor."""
        given = self._events.event(record)
        kept = {name: value for name, value in given.items() if value is not None and name not in _REPEATED}
        event = {name: _on_one_line(value) for name, value in kept.items() if name != "exception"}
        event["timestamp"] = self.formatTime(record, "%H:%M:%S")
        if record.exc_info:
            event["exception"] = given["exception"]
        return str(self._render(None, record.levelname.lower(), event))


def _add_trace(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if trace_id := current_trace_id():
        event["trace_id"] = trace_id
    return event


def _without_fals_message(argument: object) -> object:
    """Replace an error of fal's, whose message may quote the prompt, by its kind."""
    return argument.summary if isinstance(argument, ProviderError) else argument


def _remove_messages(error: traceback.TracebackException) -> None:
    """Keep types and places, of causes too. Messages quote: pydantic its input, a KeyError its key, fal the prompt."""
    error._str = ""  # noqa: SLF001 - what `format` shows after the type  # pyright: ignore[reportAttributeAccessIssue]
    for other in (error.__cause__, error.__context__, *(error.exceptions or ())):
        if other is not None:
            _remove_messages(other)


def _on_one_line(value: object) -> object:
    if not isinstance(value, str) or value.isprintable():
        return value
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in value)
