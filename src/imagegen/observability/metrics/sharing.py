"""The metrics of several processes that are one service.

Each counts in files of one directory, as prometheus-client provides for. It reads the directory's name from the
environment when it is imported, so the parent gives it to the processes that it starts.
"""

import os
import shutil
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import (
    MultiProcessCollector,
    mark_process_dead,  # pyright: ignore[reportUnknownVariableType] - it has no types
)

METRICS_DIRECTORY: Final = "PROMETHEUS_MULTIPROC_DIR"
"""The variable with the directory in which several processes count."""


def is_shared() -> bool:
    """Whether this process counts together with others."""
    return METRICS_DIRECTORY in os.environ


def registry_of_all() -> CollectorRegistry:
    """What all processes counted. Collecting it reads their files."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return registry


def forget_process(directory: Path, pid: int) -> None:
    """Leave the gauges of a process that ended out of the sums. Its counters stay."""
    mark_process_dead(pid, str(directory))


def discard_shared() -> None:
    """Remove the directory. A process that still counts in it keeps its open files."""
    if is_shared():
        shutil.rmtree(os.environ[METRICS_DIRECTORY], ignore_errors=True)
