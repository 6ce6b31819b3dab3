"""The indexes of jobs, which lists, reconciliation, idempotency and the slots at fal rely on."""

from typing import Final

from pymongo import ASCENDING, DESCENDING, IndexModel

from imagegen.jobs import JobStatus
from imagegen.storage.budgets.settlement import RESERVATIONS_INDEXES
from imagegen.storage.idempotency import IDEMPOTENCY_INDEX
from imagegen.storage.jobs.fingerprints import FINGERPRINT_INDEX
from imagegen.storage.usage.counting import IS_MARKED, UNCOUNTED

_HAS_SLOT: Final = {"falSlot": {"$exists": True}}
INDEXES: Final = (
    *(
        IndexModel([*((name, ASCENDING) for name in names), ("_id", DESCENDING)])
        for names in (("userId",), ("userId", "status"), ("userId", "model"), ("status",), ("model",))
    ),
    IDEMPOTENCY_INDEX,
    IndexModel(
        [("submission.request.requestId", ASCENDING)],
        name="requestId",
        unique=True,
        partialFilterExpression={"submission.request.requestId": {"$exists": True}},
    ),
    FINGERPRINT_INDEX,
    IndexModel([("falSlot", ASCENDING)], name="falSlot", unique=True, partialFilterExpression=_HAS_SLOT),
    IndexModel(
        [("submission.state", ASCENDING), ("falSlot", ASCENDING)],
        name="openAtFal",
        partialFilterExpression={"status": JobStatus.RUNNING.value},
    ),
    IndexModel(
        [("userId", ASCENDING), ("priority", ASCENDING)],
        name="queuedOfUser",
        partialFilterExpression={"status": JobStatus.QUEUED.value},
    ),
    IndexModel([("inputKeys", ASCENDING)]),
    *RESERVATIONS_INDEXES,
    IndexModel([(UNCOUNTED, ASCENDING)], partialFilterExpression=IS_MARKED),
    IndexModel([("clearAt", ASCENDING)], partialFilterExpression={"clearAt": {"$type": "date"}}),
    IndexModel([("deletion.dueAt", ASCENDING)], partialFilterExpression={"deletion.dueAt": {"$type": "date"}}),
)
