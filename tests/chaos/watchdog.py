"""Ends a run that hangs: every process that it started is killed by its id, then the run itself."""

import faulthandler
import os
import signal
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from types import FrameType

import psutil


@contextmanager
def watched(seconds: float) -> Generator[None]:
    """Limit the time of the body, even if it blocks its event loop. SIGTERM ends it as Ctrl-C does."""
    timer = threading.Timer(seconds, _end_everything)
    timer.daemon = True
    timer.start()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        timer.cancel()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _end_everything() -> None:
    sys.stderr.write("the run takes too long; ending everything that it started\n")
    faulthandler.dump_traceback()
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            process.kill()
    os._exit(3)
