"""A sender whose responses are made by a function, written with httpx's types because they read well."""

from collections.abc import Callable

import httpx

from imagegen.net.content_decoding import encodings_in
from imagegen.net.http import Incoming, Request, Response


class Scripted:
    """Sends each request to a function. What it raises is raised; aiohttp's errors are those of the real pool."""

    def __init__(self, respond: Callable[[httpx.Request], httpx.Response]) -> None:
        self._respond = respond

    async def send(self, request: Request) -> Incoming:
        url, content = str(request.url), request.content
        given = self._respond(httpx.Request(request.method, url, headers=dict(request.headers), content=content))
        encodings = encodings_in(given.headers.get_list("Content-Encoding"))
        return Incoming(given.status_code, given.headers, encodings, _Body(given.content), lambda: None)


class _Body:
    """A body that has arrived."""

    def __init__(self, content: bytes) -> None:
        self._left = content

    async def read(self, n: int = -1, /) -> bytes:
        piece, self._left = self._left[:n], self._left[n:]
        return piece


def response(given: httpx.Response) -> Response:
    """The same response in the service's own type."""
    return Response(given.status_code, given.headers, given.content)
