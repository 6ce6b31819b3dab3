"""Pages of a list: their JSON and their `Link` header."""

import asyncio
from collections.abc import Iterable

from fastapi import Request
from pydantic import BaseModel


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
