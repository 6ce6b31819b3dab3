"""The log: one form for every line of the process, with nothing in it that must not be there.

Rooms write through `logging`, as the libraries do; `extra` becomes fields. This room alone decides how it looks.
"""

import logging
import sys
from collections.abc import Sequence
from typing import Final, Literal

from imagegen.logs.events import Events, JsonLines, TerminalLines, about
from imagegen.logs.redaction import redaction, without_secret
from imagegen.logs.writer import LineWriter

__all__ = ["Events", "LogFormat", "about", "redaction", "start_logging", "without_secret"]
LogFormat = Literal["json", "console"]
# They say every address, header or document at DEBUG or INFO, in words that no redaction could follow.
_TALKATIVE: Final = (
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
    """Have the process write its log to stderr, in place of what was set up before.

    Args:
        level: the least that is written.
        style: `json` for machines, `console` for people.
        secrets: cut out wherever they appear.

    Returns:
        What makes events of records, for whoever else takes them.
    """
    events = Events(redaction(secrets), verbose=level == "debug")
    writer = LineWriter(sys.stderr)
    writer.setFormatter(JsonLines(events) if style == "json" else TerminalLines(events, colors=sys.stderr.isatty()))
    logging.basicConfig(level=level.upper(), handlers=[writer], force=True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    return events
