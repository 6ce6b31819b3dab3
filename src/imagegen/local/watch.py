"""Runs one server and ensures that it never outlives imagegen.

`process.py` starts this script as `python -I -S watch.py PROGRAM [ARGUMENT …]`; without site-packages it starts in
20 ms. It leads its own process group, so that Ctrl-C in the terminal does not reach the server.

- Its standard input is a pipe whose other end only imagegen holds. The kernel closes that end however imagegen ends,
  even after `kill -9`. The server then gets SIGTERM, and SIGKILL three seconds later.
- If the watcher itself is killed, Linux kills the server with it. That signal is tied to the *thread* that started the
  server, so the watcher has one thread only. On other systems, imagegen notices and kills the group.
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
    """Run the command to its end. Returns its exit status as a shell does (128 + n for signal n)."""
    signals = _wake_on_signals()
    try:
        # The server inherits the descriptors that imagegen made inheritable, such as the lock on the data directory.
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
        if _should_stop(signals):
            _stop(server)
    return server.returncode if server.returncode >= 0 else 128 - server.returncode


def _wake_on_signals() -> int:
    """A descriptor from which each signal can be read as one byte, its number."""
    signals, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _note)
    return signals


def _note(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: the byte on the descriptor is the notification."""


def _tie_to(watcher: int) -> Callable[[], None] | None:
    """What the new process runs before it becomes the server: ask the kernel to kill it when the watcher dies."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl

    def tie() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != watcher:
            os._exit(1)  # the watcher died before the line above

    return tie


def _should_stop(signals: int) -> bool:
    """Sleep until a signal arrives or standard input closes. Nothing is written to it, so readable means closed."""
    ready = select.select([sys.stdin.fileno(), signals], [], [])[0]
    if signals not in ready:
        return True
    return any(number != signal.SIGCHLD for number in os.read(signals, 64))


def _stop(server: "subprocess.Popen[bytes]") -> None:
    """End the server, then the rest of the group: processes of a wrapper script, and this watcher."""
    os.killpg(0, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        server.wait(GRACE)
    server.kill()
    server.wait()
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
