"""Where MongoDB's errors end."""

from collections.abc import Generator
from contextlib import contextmanager

from pymongo.errors import DuplicateKeyError, PyMongoError

from imagegen.errors import DatabaseUnavailable


@contextmanager
def answers() -> Generator[None]:
    """Turn MongoDB's errors into ours; a duplicate key is an answer, not a failure."""
    try:
        yield
    except DuplicateKeyError:
        raise
    except PyMongoError as error:
        raise DatabaseUnavailable from error
