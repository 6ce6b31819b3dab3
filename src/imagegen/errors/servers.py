"""Errors of the servers that imagegen needs, and of this process's own limit of open files."""

import errno
from typing import Final, cast

from imagegen.errors.base import ImagegenError

_OUT_OF_FILES: Final = frozenset({errno.EMFILE, errno.ENFILE})


class Unavailable(ImagegenError):
    """A server that imagegen needs does not answer. The text names it by `server`, without address or secret."""

    server = "server"
    variable = ""  # the setting with its address

    def __init__(self, reason: str = "does not answer") -> None:
        super().__init__(f"{self.server} {reason}")

    @property
    def advice(self) -> str:
        """What is wrong and which settings to check, as start, `doctor` and readiness show it."""
        return f"{self}: check {self.variable} and the server's log"


class DatabaseUnavailable(Unavailable):
    """MongoDB does not answer."""

    server = "MongoDB"
    variable = "MONGODB_URL"


class ObjectStoreUnavailable(Unavailable):
    """The S3 bucket cannot be used right now."""

    server = "S3"
    variable = "S3_BUCKET, S3_ENDPOINT_URL and AWS_…"


class ObjectStoreRefused(ObjectStoreUnavailable):
    """S3 answers and refuses: no such bucket, or a key without access. Only an operator can fix that."""


class QueueUnavailable(Unavailable):
    """NATS JetStream does not answer."""

    server = "NATS"
    variable = "NATS_URL"


class TooManyOpenFiles(Unavailable):
    """This process cannot open another file or connection. The job is not at fault."""

    server = "This process"

    def __init__(self) -> None:
        super().__init__("has too many files open: raise its limit (ulimit -n), or lower IMAGEGEN_CONCURRENCY")


def is_out_of_files(error: BaseException | None) -> bool:
    """Whether an error, or one of its causes, says that no file can be opened (EMFILE, ENFILE)."""
    seen: set[int] = set()
    if isinstance(error, BaseExceptionGroup):
        return any(map(is_out_of_files, cast("BaseExceptionGroup[BaseException]", error).exceptions))
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, OSError) and error.errno in _OUT_OF_FILES:
            return True
        error = getattr(error, "os_error", None) or error.__cause__ or error.__context__
    return False
