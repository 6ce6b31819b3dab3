"""Pages of a list as they are written."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress

from imagegen.api.http.pages import written_page
from imagegen.wire.key_schemas import AuditChange, AuditEntry, AuditTrail

TIME = "2026-11-22T16:57:49Z"
ENTRY = AuditEntry.model_validate(
    {
        "id": "01",
        "at": TIME,
        "actor": "command",
        "action": "key.changed",
        "key_id": "ab12cd34ef",
        "budget_id": None,
        "changes": {},
    }
)


async def test_a_page_is_written_item_by_item_and_others_get_turns() -> None:
    turns: list[int] = []

    def entries() -> Iterator[AuditEntry]:
        for number in range(20):
            turns.append(number)
            yield ENTRY.model_copy(update={"changes": {"name": AuditChange.model_validate({"from": [], "to": "[]"})}})

    seen: list[int] = []

    async def other_request() -> None:
        while True:
            seen.append(len(turns))
            await asyncio.sleep(0)

    other = asyncio.create_task(other_request())
    written = json.loads(await written_page(AuditTrail(entries=[], next_cursor="02"), entries()))
    other.cancel()
    with suppress(asyncio.CancelledError):
        await other

    assert set(range(1, 21)) <= set(seen)
    assert (len(written["entries"]), written["nextCursor"]) == (20, "02")
    assert written["entries"][0]["changes"] == {"name": {"from": [], "to": "[]"}}
    assert written["entries"][0]["keyId"] == "ab12cd34ef"


async def test_an_empty_page_has_no_items() -> None:
    assert json.loads(await written_page(AuditTrail(entries=[], next_cursor=None), ())) == {
        "entries": [],
        "nextCursor": None,
    }
