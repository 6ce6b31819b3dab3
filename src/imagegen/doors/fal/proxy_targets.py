"""/fal/proxy: requests of fal's JavaScript client with `proxyUrl`, which name fal's address in a header.

The address is a path to dispatch on and is never fetched.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final, NoReturn
from urllib.parse import unquote, urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Scope

from imagegen.api.http.policies import Access, RoutePolicy, policy
from imagegen.api.http.problems import HttpProblem
from imagegen.keys import KeyScope

PROXY: Final = "/fal/proxy"
_TARGET: Final = "x-fal-target-url"
_HOSTS: Final = {
    "queue.fal.run": "/fal/queue",
    "fal.run": "/fal/run",
    "rest.fal.ai": "/fal/rest",
    "rest.alpha.fal.ai": "/fal/rest",
}


def at_its_target(scope: Scope) -> Scope:
    """The request at the path of this service that stands for its target; unchanged if it names none that is known."""
    given = Headers(scope=scope).getlist(_TARGET)
    if len(given) != 1:
        return scope
    try:
        parts = urlsplit(given[0])
        prefix = _HOSTS.get(parts.netloc)
    except ValueError:
        return scope
    if prefix is None or parts.scheme != "https":
        return scope
    raw = prefix + parts.path
    return {
        **scope,
        "path": unquote(raw),
        "raw_path": raw.encode(errors="replace"),
        "query_string": parts.query.encode(errors="replace"),
    }


def proxy_route() -> Sequence[Route]:
    """The route of requests without a usable target. Others never get to it."""
    return [Route(PROXY, _without_target, methods=["GET", "POST", "PUT"])]


@policy(RoutePolicy(access=Access.KEYED, scope=KeyScope.READ, produces=()))
async def _without_target(_request: Request) -> NoReturn:
    wanted = " or ".join(f"https://{host}/…" for host in _HOSTS)
    detail = f"The header {_TARGET} must have one address at fal: {wanted}. It is dispatched on here, and not fetched."
    raise HttpProblem(HTTPStatus.BAD_REQUEST, "no_target", detail)
