"""Pages of a list: their JSON and their `Link` header."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from fastapi import Request
from pydantic import BaseModel

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECONDS: Final = 13  # digits


async def written_page(page: BaseModel, items: Iterable[BaseModel]) -> bytes:
    """A page as JSON, serialized item by item: a hundred items may be megabytes, which would block the event loop.

    Args:
        page: without its items, and without another empty list.
        items: made one by one, as they are taken.
    """
    parts: list[bytes] = []
    for item in items:
        parts.append(item.model_dump_json().encode())
        await asyncio.sleep(0)
    return page.model_dump_json().encode().replace(b"[]", b"[" + b",".join(parts) + b"]", 1)


def next_link(request: Request, cursor: str | None) -> dict[str, str]:
    """The header with the link to the next page; none on the last page."""
    if cursor is None:
        return {}
    onward = request.url.include_query_params(cursor=cursor)
    return {"Link": f'<{onward.path}?{onward.query}>; rel="next"'}


def cursor_pattern(id_pattern: str) -> str:
    """The form of cursors of lists that are sorted by time."""
    return f"^[0-9]{{{_MILLISECONDS}}}-{id_pattern}$"


def cursor_at(moment: datetime, item_id: str) -> str:
    """The cursor of an item in a list that is sorted by time, then by id."""
    return f"{(moment - _EPOCH) // timedelta(milliseconds=1):0{_MILLISECONDS}}-{item_id}"


def place_of(cursor: str | None) -> tuple[datetime, str] | None:
    """The time and the id of a cursor."""
    if cursor is None:
        return None
    milliseconds, _, item_id = cursor.partition("-")
    return _EPOCH + timedelta(milliseconds=int(milliseconds)), item_id
