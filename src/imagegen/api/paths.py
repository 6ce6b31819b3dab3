"""What is done about paths that lead nowhere as they stand: a slash too many, another spelling, another method."""

from collections.abc import Iterator, Sequence
from typing import Final

from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from imagegen.api.methods import allowed_methods

_LONGEST: Final = 100
_DOCUMENTED: Final = "/api-docs lists the operations."


class TrailingSlashMiddleware:
    """Serves `/api/jobs/` as `/api/jobs`: a redirect would lose the body or the key of clients that do not follow."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request. The path is shortened before anything looks at it: limits and keys go by it."""
        path = scope["path"] if scope["type"] == "http" else ""
        if path.endswith("/") and path.strip("/"):
            raw = scope.get("raw_path") or b""
            scope = {**scope, "path": path.rstrip("/"), "raw_path": raw.rstrip(b"/")}
        await self._app(scope, receive, send)


def wrong_method(method: str, path: str, allowed: Sequence[str]) -> str:
    """What to answer where a path does not take a method."""
    methods = " or ".join(name for name in allowed if name not in {"HEAD", "OPTIONS"})
    return f"{_shown(path)} does not take {method}; use {methods}. {_DOCUMENTED}"


def no_such_path(method: str, path: str, routes: Sequence[BaseRoute]) -> str:
    """What to answer where there is no such path, with the one that was meant if it can be told."""
    meant = next((each for each in _other_spellings(path) if allowed_methods(routes, each)), None)
    hint = f" Did you mean {_shown(meant)}?" if meant else ""
    return f"There is no {method} {_shown(path)}.{hint} {_DOCUMENTED}"


def _other_spellings(path: str) -> Iterator[str]:
    """In lower case, with hyphens, in the plural, and below /api."""
    plain = path[:_LONGEST].casefold().replace("_", "-").replace("//", "/")
    singular, _, rest = plain.removeprefix("/api").removeprefix("/").partition("/")
    for spelling in (
        plain,
        f"/{singular}/{rest}",
        f"/{singular}s/{rest}",
        f"/images/{singular}",
        f"/{singular}es/{rest}",
    ):
        spelt = spelling.removeprefix("/api").rstrip("/")
        yield from (spelt, f"/api{spelt}") if spelt else ()


def _shown(path: str) -> str:
    shown = path if len(path) <= _LONGEST else path[:_LONGEST] + "…"
    return shown.encode(errors="replace").decode() if shown.isprintable() else ascii(shown)
