"""The `Link` header of a page of a list."""

from fastapi import Request


def next_link(request: Request, cursor: str | None) -> dict[str, str]:
    """The header with the link to the next page; none on the last page."""
    if cursor is None:
        return {}
    onward = request.url.include_query_params(cursor=cursor)
    return {"Link": f'<{onward.path}?{onward.query}>; rel="next"'}
