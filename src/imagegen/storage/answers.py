"""Where MongoDB's errors end."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Final

from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure, PyMongoError

from imagegen.errors import DatabaseUnavailable

# mongo/base/error_codes.yml
_DUPLICATE_KEY: Final = 11000
_REASONS: Final = {
    13: "does not allow its user to do that: give it the role readWrite on MONGODB_DATABASE",
    18: "refuses the user or the password of MONGODB_URL (is authSource right?)",
    20: "is no replica set: start mongod with --replSet and initiate it",
    8000: "refuses the user or the password of MONGODB_URL",
}


@contextmanager
def answers() -> Generator[None]:
    """Turn MongoDB's errors into ours; a duplicate key is an answer, not a failure."""
    try:
        yield
    except DuplicateKeyError:
        raise
    except PyMongoError as error:
        raise DatabaseUnavailable(*_reason(error)) from error


def refused(error: BulkWriteError) -> Mapping[int, DuplicateKeyError]:
    """Which of several independent writes a unique index has refused, by their numbers; the others were made.

    Raises the error itself if there was any other fault.
    """
    details = error.details
    faults = {fault["index"]: fault for fault in details["writeErrors"] if fault["code"] == _DUPLICATE_KEY}
    if len(faults) < len(details["writeErrors"]) or details["writeConcernErrors"]:
        raise error
    return {index: DuplicateKeyError(fault["errmsg"]) for index, fault in faults.items()}


def _reason(error: PyMongoError) -> tuple[str, ...]:
    """What to mend, where MongoDB did answer; nothing where it did not."""
    reason = _REASONS.get(error.code or 0) if isinstance(error, OperationFailure) else None
    return (reason,) if reason else ()
