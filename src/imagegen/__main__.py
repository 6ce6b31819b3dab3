"""`imagegen` and `python -m imagegen`: the command line.

The imports create some 300,000 objects that live as long as the process. Python's garbage collector would examine all
of them again and again during the imports, and later in each full collection. So it is off during the imports, here
and where `serve` and `worker` import the service, and ignores their objects afterwards. A job leaves some 250 objects
in reference cycles. Young objects are collected after 10,000 allocations instead of Python's 700, because each
collection examines all young objects.
"""

import gc
import sys
from typing import Final

_YOUNG_LIMIT: Final = 10_000
_INTERRUPTED: Final = 130  # as in imagegen.cli.exit_codes, whose import can be interrupted


def main() -> None:
    """Import the command line, then run the command. Ctrl+C ends it without a traceback, whatever it was doing."""
    try:
        _run()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


def _run() -> None:
    gc.disable()
    from imagegen.cli.app import app  # noqa: PLC0415 - while the collector is off

    gc.freeze()
    gc.set_threshold(_YOUNG_LIMIT, 10, 10)
    gc.enable()
    app(prog_name="imagegen")


if __name__ == "__main__":
    main()
