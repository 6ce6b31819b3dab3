"""The translation of MongoDB's errors into the service's own."""

import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Final

from bson.errors import InvalidDocument
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure, PyMongoError

from imagegen.errors import DatabaseUnavailable, DocumentRefused

# Codes of mongo/base/error_codes.yml.
_DUPLICATE_KEY: Final = 11000
# Bad value, bad BSON, invalid names, validation failed, larger than 16 MB: the document can never be written.
_DOCUMENT_CODES: Final = frozenset({2, 14, 22, 39, 52, 55, 56, 57, 121, 10334, 10003, 17419, 17420})
_INDEX_NAME: Final = re.compile(r" index: (\S+) dup key")  # before the values, which a caller may have chosen
_REASONS: Final = {
    13: "does not allow its user to do that: give it the role readWrite on MONGODB_DATABASE",
    18: "refuses the user or the password of MONGODB_URL (is authSource right?)",
    20: "is not a replica set: start mongod with --replSet and initiate it",
    8000: "refuses the user or the password of MONGODB_URL",
}


@contextmanager
def mongo_errors() -> Generator[None]:
    """Raise MongoDB's errors as DatabaseUnavailable or DocumentRefused; a duplicate key is raised as it is."""
    try:
        yield
    except DuplicateKeyError:
        raise
    except (InvalidDocument, OverflowError) as error:  # before it was sent
        raise DocumentRefused(f"MongoDB cannot take the document ({type(error).__name__}).") from error
    except PyMongoError as error:
        if (code := _document_code(error)) is not None:
            raise DocumentRefused(f"MongoDB cannot take the document (error {code}).") from error
        raise DatabaseUnavailable(*_reason(error)) from error


def duplicate_keys(error: BulkWriteError) -> Mapping[int, DuplicateKeyError]:
    """The writes of an unordered batch that a unique index refused, by their index; all others were made.

    Raises the error itself if a write failed for any other reason.
    """
    details = error.details
    faults = {fault["index"]: fault for fault in details["writeErrors"] if fault["code"] == _DUPLICATE_KEY}
    if len(faults) < len(details["writeErrors"]) or details["writeConcernErrors"]:
        raise error
    return {index: DuplicateKeyError(fault["errmsg"], details=fault) for index, fault in faults.items()}


def duplicate_index(error: DuplicateKeyError) -> str:
    """The name of the unique index that refused a document; empty if MongoDB did not name it."""
    found = _INDEX_NAME.search(str((error.details or {}).get("errmsg", "")))
    return found[1] if found else ""


def _document_code(error: PyMongoError) -> int | None:
    """The code of an error that the document itself causes; None for every other error."""
    if not isinstance(error, OperationFailure):
        return None
    faults: list[dict[str, int]] = (error.details or {}).get("writeErrors") or []
    codes = {fault["code"] for fault in faults} if isinstance(error, BulkWriteError) else {error.code or 0}
    return next(iter(codes & _DOCUMENT_CODES), None)


def _reason(error: PyMongoError) -> tuple[str, ...]:
    """What to fix, if MongoDB responded with a known error; else nothing."""
    reason = _REASONS.get(error.code or 0) if isinstance(error, OperationFailure) else None
    return (reason,) if reason else ()
