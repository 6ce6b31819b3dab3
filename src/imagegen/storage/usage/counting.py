"""Counting ended jobs in the usage, seconds after their ends and many at once.

The write that ends a job marks it as uncounted. The transaction that counts jobs notes that in them, so each is counted
once, whatever crashes; afterwards both marks are removed. Reads of the usage count first what is uncounted. There are
two marks because an index finds the first: within a transaction, MongoDB takes forty times as long to change a field
that is in an index.
"""

from datetime import timedelta
from typing import Final

from imagegen.storage.jobs.documents import Document

UNCOUNTED: Final = "uncounted"  # in the document of an ended job, until it is counted and its marks are removed
COUNTED: Final = "counted"  # beside it, once it is counted
IS_MARKED: Final[Document] = {UNCOUNTED: True}
IS_UNCOUNTED: Final[Document] = {UNCOUNTED: True, COUNTED: None}
IS_COUNTED: Final[Document] = {"$or": [{UNCOUNTED: None}, {COUNTED: True}]}
REMOVE_MARKS: Final[Document] = {"$unset": {UNCOUNTED: "", COUNTED: ""}}
MOST_AT_ONCE: Final = 500
DELAY: Final = timedelta(seconds=5)
