"""The indexes over jobs: what every list, the audit, idempotency and the places at fal rely on."""

from typing import Final

from pymongo import ASCENDING, DESCENDING, IndexModel

from imagegen.jobs import JobStatus

_HAS_A_SLOT: Final = {"falSlot": {"$exists": True}}
INDEXES: Final = (
    *(
        IndexModel([*((name, ASCENDING) for name in names), ("_id", DESCENDING)])
        for names in (("userId",), ("userId", "status"), ("userId", "model"), ("status",), ("model",))
    ),
    IndexModel(
        [("idempotency.caller", ASCENDING), ("idempotency.route", ASCENDING), ("idempotency.key", ASCENDING)],
        name="idempotency",
        unique=True,
        partialFilterExpression={"idempotency": {"$exists": True}},
    ),
    IndexModel(
        [("submission.request.requestId", ASCENDING)],
        name="requestId",
        unique=True,
        partialFilterExpression={"submission.request.requestId": {"$exists": True}},
    ),
    IndexModel([("falSlot", ASCENDING)], name="falSlot", unique=True, partialFilterExpression=_HAS_A_SLOT),
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
    IndexModel([("clearAt", ASCENDING)], partialFilterExpression={"clearAt": {"$type": "date"}}),
    IndexModel([("deletion.dueAt", ASCENDING)], partialFilterExpression={"deletion.dueAt": {"$type": "date"}}),
)
