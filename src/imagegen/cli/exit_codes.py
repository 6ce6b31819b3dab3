"""The exit codes of all commands. docs/cli.md has the same table."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command tells the shell."""

    OK = 0
    """The command did what it was asked, and found nothing to fix."""

    FOUND_FAULTS = 1
    """The command ran and found something to fix. Python uses the same code for an unexpected error."""

    COULD_NOT_RUN = 2
    """Nothing was done: wrong arguments or settings, or a server that does not start or answer. Click uses it too."""

    INTERRUPTED = 130
    """Ended by Ctrl+C before the command was done: 128 + SIGINT, as shells count it."""
