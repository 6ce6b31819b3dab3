"""Counts and logs what is done to the service during a run."""

import time
from collections import Counter
from pathlib import Path


class Tally:
    """How often each disturbance happened, by name; `events.log` in the directory has each with its time."""

    def __init__(self, directory: Path) -> None:
        self.began = time.monotonic()
        self.struck: Counter[str] = Counter()
        self._file = directory / "events.log"
        self._file.touch()

    @property
    def seconds(self) -> float:
        """Seconds since the start of the run."""
        return time.monotonic() - self.began

    def note(self, event: str) -> None:
        """Write a line with the time."""
        with self._file.open("a", encoding="utf-8") as log:
            log.write(f"{self.seconds:8.2f} s  {event}\n")

    def count(self, name: str, times: int = 1) -> None:
        """Count a disturbance."""
        self.struck[name] += times
