"""Where MongoDB's errors end."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Final

from bson.errors import InvalidDocument
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure, PyMongoError

from imagegen.errors import DatabaseUnavailable, DocumentRefused

# mongo/base/error_codes.yml
_DUPLICATE_KEY: Final = 11000
# Bad value, bad BSON, invalid names, validation failed, larger than 16 MB: of the document, whenever it is written.
_OF_THE_DOCUMENT: Final = frozenset({2, 14, 22, 39, 52, 55, 56, 57, 121, 10334, 10003, 17419, 17420})
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
    except (InvalidDocument, OverflowError) as error:  # before it was sent
        raise DocumentRefused(f"MongoDB cannot take the document ({type(error).__name__}).") from error
    except PyMongoError as error:
        if (code := _code_of_the_document(error)) is not None:
            raise DocumentRefused(f"MongoDB cannot take the document (error {code}).") from error
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


def _code_of_the_document(error: PyMongoError) -> int | None:
    """The code of a refusal that is the document's own fault; None of every other error."""
    if not isinstance(error, OperationFailure):
        return None
    faults: list[dict[str, int]] = (error.details or {}).get("writeErrors") or []
    codes = {fault["code"] for fault in faults} if isinstance(error, BulkWriteError) else {error.code or 0}
    return next(iter(codes & _OF_THE_DOCUMENT), None)


def _reason(error: PyMongoError) -> tuple[str, ...]:
    """What to mend, where MongoDB did answer; nothing where it did not."""
    reason = _REASONS.get(error.code or 0) if isinstance(error, OperationFailure) else None
    return (reason,) if reason else ()
