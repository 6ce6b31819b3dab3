"""Lines of the log, written by a thread of its own: whoever reads them slowly stops nobody's work."""

import logging
import threading
from collections.abc import Sequence
from queue import Empty, SimpleQueue
from typing import Final, TextIO

_MOST_WAITING: Final = 10_000
_WRITTEN_AT_ONCE: Final = 1000
_LAST_LINES_WITHIN: Final = 2.0  # seconds


class LineWriter(logging.Handler):
    """Makes a line of each record at once, and leaves the writing to its thread.

    Lines that nobody takes pile up to a bound; then they are dropped and counted.
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
        except Exception:  # noqa: BLE001 - logging must not end what logs; the standard library does the same
            line = f"a line of {record.name} ({record.pathname}:{record.lineno}) could not be made"
        if self._lines.qsize() < _MOST_WAITING:
            self._lines.put(line)
        else:
            self._dropped += 1

    def close(self) -> None:
        """Write what waits. `logging` does this at the end of the process."""
        self._lines.put(None)
        self._thread.join(_LAST_LINES_WITHIN)
        super().close()

    def _write_until_closed(self) -> None:
        while (line := self._lines.get()) is not None:
            more, is_closed = self._those_that_wait()
            self._write([line, *more])
            if is_closed:
                return

    def _those_that_wait(self) -> tuple[list[str], bool]:
        """Up to a thousand further lines, and whether the end was met."""
        lines: list[str] = []
        while len(lines) < _WRITTEN_AT_ONCE:
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
        said = [f"{dropped} lines of the log were dropped: nobody took them fast enough"] if dropped else []
        try:
            self._stream.write("\n".join([*lines, *said, ""]))
            self._stream.flush()
        except (OSError, ValueError):  # a closed terminal or pipe: there is nobody left to tell
            return
