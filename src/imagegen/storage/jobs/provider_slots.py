"""Slots among the requests open at fal: numbers below the limit, each on the document of the job that holds it."""

import random
from typing import Final

from imagegen.jobs import JobStatus, SubmissionState
from imagegen.storage.errors import mongo_errors
from imagegen.storage.mongodb import Collection

_OPEN_AT_FAL: Final = {
    "status": JobStatus.RUNNING.value,
    "submission.state": {"$in": [state.value for state in SubmissionState if state is not SubmissionState.NONE]},
    "submission.counted": {"$ne": False},
    "result": None,
}
RELEASE_SLOT: Final = {"$unset": {"falSlot": ""}}


async def find_free_slot(jobs: Collection, limit: int) -> int | None:
    """A random slot that no open request holds, so that concurrent processes seldom collide; None if there is none."""
    with mongo_errors():
        taken = [found.get("falSlot") async for found in jobs.find(_OPEN_AT_FAL, {"falSlot": 1})]
    free = set(range(limit)).difference(taken)
    return random.choice(tuple(free)) if len(taken) < limit and free else None  # noqa: S311 - no secret
