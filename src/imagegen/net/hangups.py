"""SIGHUP: a request to reload the catalog, or the end of the terminal in which the process runs.

Python's own reaction would end the process. It is replaced before the imports, so that a service that still starts is
not ended by a request to reload.
"""

import asyncio
import atexit
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType


@dataclass(slots=True)
class _State:
    """What is known of hangups before the event loop reacts to them.

    Attributes:
        ends_with_terminal: whether the process began in a terminal, and without nohup.
        is_pending: whether one has arrived.
    """

    ends_with_terminal: bool = False
    is_pending: bool = False


_state = _State()


def note_hangups() -> None:
    """From now on, only note a hangup. Call this as early as possible."""
    if not _can_react():
        return
    _state.ends_with_terminal = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN and _has_terminal()
    signal.signal(signal.SIGHUP, _note)
    atexit.register(signal.signal, signal.SIGHUP, signal.SIG_IGN)  # when Python ends, it forgets its own handlers


def on_hangup(act: Callable[[], None], stopping: asyncio.Event) -> None:
    """React to hangups in the running event loop, also to one that was noted before.

    Args:
        act: called for each, unless the terminal of the process is gone.
        stopping: set if it is.
    """
    if not _can_react():
        return

    def react() -> None:
        if _state.ends_with_terminal and not _has_terminal():
            stopping.set()
        else:
            act()

    loop = asyncio.get_running_loop()

    def caught(_number: int, _frame: FrameType | None) -> None:
        if not loop.is_closed():  # then the process is about to end anyway
            loop.call_soon_threadsafe(react)

    signal.signal(signal.SIGHUP, caught)  # and not the loop's own, which leaves Python's reaction behind at its end
    if _state.is_pending:
        _state.is_pending = False
        react()


def _can_react() -> bool:
    """Whether there are hangups, which Windows does not have, and this is the thread that may react to them."""
    return hasattr(signal, "SIGHUP") and threading.current_thread() is threading.main_thread()


def _note(_number: int, _frame: FrameType | None) -> None:
    _state.is_pending = True


def _has_terminal() -> bool:
    with suppress(OSError):
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
        return True
    return False
