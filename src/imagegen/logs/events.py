"""From a record of `logging` to the event that is written: one form for our own lines and those of the libraries.

The only file that names structlog.
"""

import logging
import traceback
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Final, cast

import structlog
from structlog.typing import EventDict, Processor

from imagegen.errors import ProviderError
from imagegen.tracing import current_traceparent, trace_id

Redact = Callable[[str], str]
_OURS: Final = frozenset({"timestamp", "level", "logger"})  # made here, of nothing that anybody said
_NEVER_SHOWN: Final = ("color_message", "_record", "_from_structlog")  # uvicorn's own colours; structlog's own notes


def about(**names: str) -> None:
    """Have every line that this task (or a task that it begins) writes from now on say what it is about."""
    structlog.contextvars.bind_contextvars(**names)


class Events:
    """Makes events of records.

    Args:
        redact: passed by every text.
        verbose: whether words that may quote a prompt are shown: those of fal's errors and of exceptions.
    """

    def __init__(self, redact: Redact, *, verbose: bool) -> None:
        self._redact, self._verbose = redact, verbose
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

    def redact_too(self, redact: Redact) -> None:
        """Have every text pass one more redaction: for secrets that are found after the start."""
        before = self._redact

        def both(text: str) -> str:
            return redact(before(text))

        self._redact = both

    def of(self, record: logging.LogRecord) -> Mapping[str, Any]:
        """The event of a record: `event` is its text, the rest what is known beside it."""
        event: EventDict = {"event": self._text(record), "_record": record}
        if record.exc_info:
            event["exc_info"] = record.exc_info
        for process in self._chain:
            event = cast("EventDict", process(None, record.levelname.lower(), event))
        return event

    def _text(self, record: logging.LogRecord) -> str:
        if self._verbose:
            return record.getMessage()
        if record.name == "asyncio":  # what follows its first line is the repr of a task, with its exception's words
            return record.getMessage().partition("\n")[0]
        if isinstance(record.args, tuple) and record.args:
            return str(record.msg) % tuple(_without_fals_words(argument) for argument in record.args)
        return record.getMessage()

    def _describe_exception(self, _logger: object, _method: str, event: EventDict) -> EventDict:
        """Show where it came from and of which type each exception was; its words only if verbose."""
        match event.pop("exc_info", None):
            case (_, BaseException() as error, _):
                described = traceback.TracebackException.from_exception(error, compact=True)
                if not self._verbose:
                    _take_the_words_out_of(described)
                event["exception"] = "".join(described.format()).rstrip()
            case _:
                pass
        return event

    def _redact_all(self, _logger: object, _method: str, event: EventDict) -> EventDict:
        return {
            name: value if name in _OURS else self._shown(value)
            for name, value in event.items()
            if name not in _NEVER_SHOWN
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
        return str(self._render(None, "", dict(self._events.of(record))))


class TerminalLines(logging.Formatter):
    """Lines for a person: the time, how bad it is, what happened, and what is known beside it."""

    def __init__(self, events: Events, *, colors: bool) -> None:
        super().__init__()
        self._events, self._render = events, structlog.dev.ConsoleRenderer(colors=colors, pad_event_to=0)

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record; no text in it can begin another line or move the cursor."""
        event = {name: _on_one_line(value) for name, value in self._events.of(record).items() if name != "exception"}
        event["timestamp"] = self.formatTime(record, "%H:%M:%S")
        if record.exc_info:
            event["exception"] = self._events.of(record)["exception"]
        return str(self._render(None, record.levelname.lower(), event))


def _add_trace(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if traceparent := current_traceparent():
        event["trace_id"] = trace_id(traceparent)
    return event


def _without_fals_words(argument: object) -> object:
    """fal's words may quote the prompt; what kind of error it is says enough."""
    return argument.summary if isinstance(argument, ProviderError) else argument


def _take_the_words_out_of(error: traceback.TracebackException) -> None:
    """Leave types and places, of causes too: pydantic quotes its input, a KeyError its key, fal the prompt."""
    error._str = ""  # noqa: SLF001 - what `format` shows after the type  # pyright: ignore[reportAttributeAccessIssue]
    for other in (error.__cause__, error.__context__, *(error.exceptions or ())):
        if other is not None:
            _take_the_words_out_of(other)


def _on_one_line(value: object) -> object:
    if not isinstance(value, str) or value.isprintable():
        return value
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in value)
