"""The log: every line of the process in one form, without secrets and prompts.

Other modules write through `logging`, as the libraries do; `extra` becomes fields. Only this package decides how a line
looks.
"""

import logging
import sys
from collections.abc import Sequence
from typing import Final, Literal

from imagegen.observability.logs.events import Events, JsonLines, TerminalLines, bind_log_context
from imagegen.observability.logs.redaction import redaction, without_secret
from imagegen.observability.logs.writer import LineWriter

__all__ = ["Events", "LogFormat", "bind_log_context", "redaction", "start_logging", "without_secret"]
LogFormat = Literal["json", "console"]
# At DEBUG or INFO they log every address, header or document, in too many forms for the redaction.
_VERBOSE_LOGGERS: Final = (
    "aiobotocore",
    "aioboto3",
    "boto3",
    "botocore",
    "httpcore",
    "httpx",
    "pymongo",
    "urllib3",
    "uvicorn.error",
)


def start_logging(level: str, style: LogFormat, secrets: Sequence[str] = ()) -> Events:
    """Write the process's log to stderr, replacing any earlier setup.

    Args:
        level: the lowest level that is written.
        style: `json` for machines, `console` for people.
        secrets: replaced wherever they appear.

    Returns:
        The converter from records to events, for other handlers.
    """
    events = Events(secrets, verbose=level == "debug")
    writer = LineWriter(sys.stderr)
    writer.setFormatter(JsonLines(events) if style == "json" else TerminalLines(events, colors=sys.stderr.isatty()))
    logging.basicConfig(level=level.upper(), handlers=[writer], force=True)
    for name in _VERBOSE_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    return events
