"""The labels of request metrics: a method and a route's template, never a path, which is the caller's text."""

from typing import Final

from starlette.types import Scope

UNNAMED_METHOD: Final = "other"
UNKNOWN_ROUTE: Final = "unknown"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def method_label(scope: Scope) -> str:
    """The method, or `other` for one that HTTP does not define."""
    return scope["method"] if scope["method"] in _METHODS else UNNAMED_METHOD


def route_label(scope: Scope) -> str:
    """The template of the route that the router chose; `unknown` for a request that was refused before that."""
    return getattr(scope.get("route"), "path_format", UNKNOWN_ROUTE)
