"""Runs one server, and sees to it that the server never outlives imagegen.

`process.py` starts this script as `python -I -S watch.py PROGRAM [ARGUMENT …]`: without site-packages it is up in
20 ms. It leads a process group of its own, so that a Ctrl-C in the terminal does not reach the server.

- Its standard input is a pipe of which only imagegen holds the other end. The kernel closes that end however imagegen
  ends, `kill -9` included. Then the server gets SIGTERM, and SIGKILL three seconds later.
- Should the watcher itself be killed, Linux kills the server with it. That signal is tied to the *thread* that started
  the server, which is why the watcher has one thread only. Elsewhere imagegen notices, and kills the group.
"""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from types import FrameType

GRACE = 3.0
"""Seconds between SIGTERM and SIGKILL: SeaweedFS takes 1 to 30 s to stop, and keeps its data when killed."""

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(command: list[str]) -> int:
    """Run the command to its end; give its exit status as a shell would (128 + n for signal n)."""
    woken = _wake_on_signals()
    try:
        # Descriptors that imagegen made inheritable are the server's too: the lock on the data directory is one.
        server = subprocess.Popen(  # noqa: S603 - the command comes from process.py
            command,
            stdin=subprocess.DEVNULL,
            close_fds=False,
            preexec_fn=_tie_to(os.getpid()),  # noqa: PLW1509 - this process has one thread
        )
    except OSError as error:
        sys.stderr.write(f"cannot run {command[0]}: {error.strerror}\n")
        return 127
    while server.poll() is None:
        if _told_to_stop(woken):
            _stop(server)
    return server.returncode if server.returncode >= 0 else 128 - server.returncode


def _wake_on_signals() -> int:
    """Give a descriptor on which each signal arrives as one byte, its number."""
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _note)
    return woken


def _note(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: the byte on the descriptor tells."""


def _tie_to(watcher: int) -> Callable[[], None] | None:
    """Give what the new process does before it becomes the server: ask to be killed when the watcher dies."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl

    def tie() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != watcher:
            os._exit(1)  # the watcher died before the line above

    return tie


def _told_to_stop(woken: int) -> bool:
    """Sleep until something happens. Nothing is ever written to standard input: readable means closed."""
    ready = select.select([sys.stdin.fileno(), woken], [], [])[0]
    if woken not in ready:
        return True
    return any(number != signal.SIGCHLD for number in os.read(woken, 64))


def _stop(server: "subprocess.Popen[bytes]") -> None:
    """End the server, then the rest of the group: what a wrapper script started, and this watcher."""
    os.killpg(0, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        server.wait(GRACE)
    server.kill()
    server.wait()
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
