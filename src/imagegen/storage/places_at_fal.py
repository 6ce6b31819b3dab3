"""The places among the requests open at fal: numbers below the bound, each on the document of the job that has it."""

import random
from typing import Final

from imagegen.jobs import JobStatus, SubmissionState
from imagegen.storage.answers import answers
from imagegen.storage.mongodb import Collection

_OPEN_AT_FAL: Final = {
    "status": JobStatus.RUNNING.value,
    "submission.state": {"$in": [state.value for state in SubmissionState if state is not SubmissionState.NONE]},
    "submission.counted": {"$ne": False},
    "result": None,
}
NO_SLOT: Final = {"$unset": {"falSlot": ""}}


async def free_slot(jobs: Collection, bound: int) -> int | None:
    """A number that no open request has; any of them, so that processes which ask at once seldom collide."""
    with answers():
        taken = [found.get("falSlot") async for found in jobs.find(_OPEN_AT_FAL, {"falSlot": 1})]
    free = set(range(bound)).difference(taken)
    return random.choice(tuple(free)) if len(taken) < bound and free else None  # noqa: S311 - no secret
