"""Idempotency keys in MongoDB, for jobs and batches."""

from datetime import timedelta
from typing import Final

from pymongo import ASCENDING, IndexModel

from imagegen.jobs import Idempotency
from imagegen.storage.jobs.documents import Document

IDEMPOTENCY_KEPT: Final = timedelta(hours=24)
IDEMPOTENCY_INDEX: Final = IndexModel(
    [("idempotency.caller", ASCENDING), ("idempotency.route", ASCENDING), ("idempotency.key", ASCENDING)],
    name="idempotency",
    unique=True,
    partialFilterExpression={"idempotency": {"$exists": True}},
)


def idempotency_filter(key: Idempotency) -> Document:
    """The documents with this key. Without the condition `$exists`, MongoDB would not use the partial index."""
    same = {"idempotency.caller": key.caller, "idempotency.route": key.route, "idempotency.key": key.key}
    return {"idempotency": {"$exists": True}, **same}
