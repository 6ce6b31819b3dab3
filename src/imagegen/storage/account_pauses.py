"""Since when fal refuses the account: one document for all processes, on the database's clock.

While the pause lasts, nothing is submitted. Then one submit at a time, of all processes, finds out whether it is over.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from imagegen.storage.answers import answers
from imagegen.storage.mongodb import Collection

Expression: TypeAlias = Mapping[str, Any]
FIRST: Final = timedelta(seconds=2)
LONGEST: Final = timedelta(seconds=60)
_MOST_DOUBLINGS: Final = 5  # 2 s, 4 s, … 32 s, then the longest
_LEFT: Final = {"left": {"$subtract": ["$until", "$$NOW"]}, "since": 1, "status": 1, "isProbed": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPause:
    """fal refuses the account.

    Attributes:
        since: when it was first refused.
        status: HTTP status of fal's last answer of that kind.
        left: until submitting is tried again; none left if a submit may try it now.
        is_probed: one is trying it now.
    """

    since: datetime
    status: int | None
    left: timedelta
    is_probed: bool


class AccountPauses:
    """The pauses, one for each account; an account is named by a digest of its key."""

    def __init__(self, collection: Collection) -> None:
        self._pauses = collection

    async def find(self, account: str) -> AccountPause | None:
        """The pause of this account, None if fal takes its requests as far as is known."""
        with answers():
            found = await self._pauses.find_one({"_id": account}, _LEFT)
        if found is None:
            return None
        left = timedelta(milliseconds=max(0, found["left"]))
        return AccountPause(since=found["since"], status=found["status"], left=left, is_probed=found["isProbed"])

    async def begin(self, account: str, status: int | None, *, was_probe: bool) -> bool:
        """Pause, or after a probe that was refused, pause for longer; a pause that holds is left as it is.

        Returns:
            Whether this call began or prolonged it.
        """
        holds: Expression = {"$and": [not was_probe, {"$gt": ["$until", "$$NOW"]}]}
        times: Expression = {"$ifNull": ["$times", 0]}
        changed: Expression = {
            "since": {"$ifNull": ["$since", "$$NOW"]},
            "status": status,
            "times": {"$add": [times, 1]},
            "until": {"$add": ["$$NOW", _pause(times)]},
            "isProbed": False,
        }
        keep = {
            name: {"$cond": [holds, f"${name}", {"$literal": v} if name == "status" else v]}
            for name, v in changed.items()
        }
        with answers():
            try:
                before = await self._change({"_id": account}, keep, upsert=True)
            except DuplicateKeyError:  # another process began it just now
                return False
        return was_probe or before is None or bool(before["left"] <= 0)

    async def claim_probe(self, account: str, lease: timedelta) -> bool:
        """Be the one that finds out whether the pause is over; False if it lasts, or another one is at it."""
        over: Expression = {"_id": account, "$expr": {"$lte": ["$until", "$$NOW"]}}
        until: Expression = {"$add": ["$$NOW", _milliseconds(lease)]}
        with answers():
            return await self._change(over, {"until": until, "isProbed": True}, upsert=False) is not None

    async def put_off(self, account: str) -> None:
        """The probe came to nothing: let another one try after as long as before."""
        until: Expression = {"$add": ["$$NOW", _pause({"$subtract": ["$times", 1]})]}
        with answers():
            await self._change({"_id": account}, {"until": until, "isProbed": False}, upsert=False)

    async def end(self, account: str) -> None:
        """fal takes requests again."""
        with answers():
            await self._pauses.delete_one({"_id": account})

    async def _change(self, where: Expression, values: Expression, *, upsert: bool) -> dict[str, Any] | None:
        """Change the document; returns what it was, with the time that was left."""
        return await self._pauses.find_one_and_update(
            where, [{"$set": values}], projection=_LEFT, upsert=upsert, return_document=ReturnDocument.BEFORE
        )


def _pause(times: Expression) -> Expression:
    doubled: Expression = {"$multiply": [_milliseconds(FIRST), {"$pow": [2, {"$min": [times, _MOST_DOUBLINGS]}]}]}
    return {"$min": [doubled, _milliseconds(LONGEST)]}


def _milliseconds(duration: timedelta) -> int:
    return int(duration.total_seconds() * 1000)
