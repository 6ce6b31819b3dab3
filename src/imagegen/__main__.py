"""`imagegen` and `python -m imagegen`: the command line.

What is imported lasts as long as the process, some 300,000 objects. Python's collector of reference cycles would look
through all of them again and again while they are made, and later at each full round: it is off meanwhile, and passes
over them afterwards.
"""

import gc


def main() -> None:
    """Import the command line, then run the command that was typed."""
    gc.disable()
    from imagegen.cli import app  # noqa: PLC0415 - with the collector off

    gc.freeze()
    gc.enable()
    app()


if __name__ == "__main__":
    main()
