"""The methods of a path, and the details of the 404 and the 405."""

from collections.abc import Iterator, Sequence
from typing import Final

from starlette.routing import BaseRoute, Match, Mount
from starlette.types import Scope

_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
_LONGEST: Final = 100
_HEALTH: Final = frozenset({"health", "healthz", "livez", "ping", "live"})
_DOCUMENTED: Final = "/api-docs lists the operations."


def allowed_methods(routes: Sequence[BaseRoute], path: str) -> tuple[str, ...]:
    """The methods of a path; empty if no route has it."""
    found = [method for method in _METHODS if any(_answers(route, method, path) for route in routes)]
    if "GET" in found:
        found.insert(1, "HEAD")
    return (*found, "OPTIONS") if found else ()


def _answers(route: BaseRoute, method: str, path: str) -> bool:
    if isinstance(route, Mount) and method != "GET":
        return False  # a mount of files, which matches every method
    scope: Scope = {"type": "http", "method": method, "path": path, "root_path": "", "headers": []}
    return route.matches(scope)[0] is Match.FULL


def wrong_method(method: str, path: str, allowed: Sequence[str]) -> str:
    """The detail of a 405."""
    methods = " or ".join(name for name in allowed if name not in {"HEAD", "OPTIONS"})
    return f"{_shown(path)} does not support {method}; use {methods}. {_DOCUMENTED}"


def no_such_path(method: str, path: str, routes: Sequence[BaseRoute]) -> str:
    """The detail of a 404, with a similar path that exists, if there is one."""
    meant = next((each for each in _other_spellings(path) if allowed_methods(routes, each)), None)
    hint = f" Did you mean {_shown(meant)}?" if meant else ""
    return f"There is no {method} {_shown(path)}.{hint} {_DOCUMENTED}"


def _other_spellings(path: str) -> Iterator[str]:
    """The path in lower case, with hyphens, in the plural, below /api, and the health check."""
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
    if singular in _HEALTH:
        yield "/health/live"


def _shown(path: str) -> str:
    shown = path if len(path) <= _LONGEST else path[:_LONGEST] + "…"
    return shown.encode(errors="replace").decode() if shown.isprintable() else ascii(shown)
