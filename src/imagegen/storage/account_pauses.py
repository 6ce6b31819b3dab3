"""The pause of submitting while fal refuses the account: one document for all processes, on the database's clock.

While the pause lasts, nothing is submitted. After it, one submit of all processes at a time probes whether fal accepts
requests again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from imagegen.storage.errors import mongo_errors
from imagegen.storage.expressions import Expression, backoff, from_now
from imagegen.storage.mongodb import Collection

FIRST_PAUSE: Final = timedelta(seconds=2)
LONGEST_PAUSE: Final = timedelta(seconds=60)
_REMAINING: Final = {"left": {"$subtract": ["$until", "$$NOW"]}, "since": 1, "status": 1, "isProbed": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPause:
    """fal refuses the account.

    Attributes:
        since: when it was first refused.
        status: HTTP status of fal's last refusal.
        remaining: the time until the next probe; zero if a submit may probe now.
        is_probed: whether a submit is probing now.
    """

    since: datetime
    status: int | None
    remaining: timedelta
    is_probed: bool


class AccountPauses:
    """The pauses, one for each account; an account is identified by a digest of its key."""

    def __init__(self, collection: Collection) -> None:
        self._pauses = collection

    async def find(self, account: str) -> AccountPause | None:
        """The pause of this account; None if fal accepts its requests, as far as is known."""
        with mongo_errors():
            found = await self._pauses.find_one({"_id": account}, _REMAINING)
        if found is None:
            return None
        remaining = timedelta(milliseconds=max(0, found["left"]))
        return AccountPause(
            since=found["since"], status=found["status"], remaining=remaining, is_probed=found["isProbed"]
        )

    async def begin(self, account: str, status: int | None, *, was_probe: bool) -> bool:
        """Begin a pause, or a longer one after a refused probe. A pause that still lasts is left unchanged.

        Returns:
            Whether this call began or prolonged it.
        """
        lasts: Expression = {"$and": [not was_probe, {"$gt": ["$until", "$$NOW"]}]}
        times: Expression = {"$ifNull": ["$times", 0]}
        changed: Expression = {
            "since": {"$ifNull": ["$since", "$$NOW"]},
            "status": status,
            "times": {"$add": [times, 1]},
            "until": {"$add": ["$$NOW", backoff(times, FIRST_PAUSE, LONGEST_PAUSE)]},
            "isProbed": False,
        }
        unless_it_lasts = {
            name: {"$cond": [lasts, f"${name}", {"$literal": v} if name == "status" else v]}
            for name, v in changed.items()
        }
        with mongo_errors():
            try:
                before = await self._change({"_id": account}, unless_it_lasts, upsert=True)
            except DuplicateKeyError:  # another process began it at the same moment
                return False
        return was_probe or before is None or bool(before["left"] <= 0)

    async def claim_probe(self, account: str, lease: timedelta) -> bool:
        """Claim the next probe for `lease`; False if the pause lasts, or another submit is probing."""
        over: Expression = {"_id": account, "$expr": {"$lte": ["$until", "$$NOW"]}}
        with mongo_errors():
            return await self._change(over, {"until": from_now(lease), "isProbed": True}, upsert=False) is not None

    async def postpone_probe(self, account: str) -> None:
        """Release a probe that found out nothing; the next one follows after the same pause as before."""
        pause = backoff({"$subtract": ["$times", 1]}, FIRST_PAUSE, LONGEST_PAUSE)
        with mongo_errors():
            await self._change({"_id": account}, {"until": {"$add": ["$$NOW", pause]}, "isProbed": False}, upsert=False)

    async def end(self, account: str) -> None:
        """End the pause: fal accepts requests again."""
        with mongo_errors():
            await self._pauses.delete_one({"_id": account})

    async def _change(self, where: Expression, values: Expression, *, upsert: bool) -> dict[str, Any] | None:
        """Change the document; returns the one before, with its remaining time."""
        return await self._pauses.find_one_and_update(
            where, [{"$set": values}], projection=_REMAINING, upsert=upsert, return_document=ReturnDocument.BEFORE
        )
