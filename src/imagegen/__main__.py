"""`imagegen` and `python -m imagegen`: the command line.

What is imported lasts as long as the process, some 300,000 objects. Python's collector of reference cycles would look
through all of them again and again while they are made, and later at each full round: it is off meanwhile, and passes
over them afterwards. Of what a job makes, some 250 objects in cycles outlive it: they are looked for after 10,000, not
after Python's 700, for each time everything young is looked through.
"""

import gc
from typing import Final

_YOUNG: Final = 10_000


def main() -> None:
    """Import the command line, then run the command that was typed."""
    gc.disable()
    from imagegen.cli import app  # noqa: PLC0415 - with the collector off

    gc.freeze()
    gc.set_threshold(_YOUNG, 10, 10)
    gc.enable()
    app()


if __name__ == "__main__":
    main()
