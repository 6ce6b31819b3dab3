"""Writes the log in a thread, so that a slow terminal or pipe does not block the event loop."""

import logging
import threading
import time
from collections.abc import Sequence
from queue import Empty, SimpleQueue
from typing import Final, TextIO

_MAX_QUEUED: Final = 10_000
_BATCH: Final = 1000
_PAUSE: Final = 0.02  # seconds; lines that follow closely are written at once, and do not each wake the thread
_CLOSE_TIMEOUT: Final = 2.0  # seconds


class LineWriter(logging.Handler):
    """Formats each record at once and queues the line for its thread.

    If the reader falls 10,000 lines behind, further lines are dropped and their count is logged.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        self._dropped = 0
        self._thread = threading.Thread(target=self._write_until_closed, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the record's line."""
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001 - logging must not break the code that logs; the standard library does the same
            line = f"a log record of {record.name} ({record.pathname}:{record.lineno}) could not be formatted"
        if self._lines.qsize() < _MAX_QUEUED:
            self._lines.put(line)
        else:
            self._dropped += 1

    def close(self) -> None:
        """Write the queued lines. `logging` calls this at the end of the process."""
        self._lines.put(None)
        self._thread.join(_CLOSE_TIMEOUT)
        super().close()

    def _write_until_closed(self) -> None:
        while (line := self._lines.get()) is not None:
            time.sleep(_PAUSE)
            more, is_closed = self._take_batch()
            self._write([line, *more])
            if is_closed:
                return

    def _take_batch(self) -> tuple[list[str], bool]:
        """Up to a thousand queued lines, and whether the handler was closed after them."""
        lines: list[str] = []
        while len(lines) < _BATCH:
            try:
                line = self._lines.get_nowait()
            except Empty:
                break
            if line is None:
                return lines, True
            lines.append(line)
        return lines, False

    def _write(self, lines: Sequence[str]) -> None:
        dropped, self._dropped = self._dropped, 0
        notice = [f"{dropped} log lines were dropped because the log was read too slowly"] if dropped else []
        try:
            self._stream.write("\n".join([*lines, *notice, ""]))
            self._stream.flush()
        except (OSError, ValueError):  # a closed terminal or pipe: there is nothing left to write to
            return
