"""A route's policy: what the route declares about its callers, its body and its responses.

Middleware runs before the router, so `ExchangeMiddleware` looks up the policy of each request once and puts it into
its scope. No middleware knows a path.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from re import Pattern
from typing import Final, TypeVar, cast

from pydantic import JsonValue
from pydantic_core import ErrorDetails
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import Scope

from imagegen.api.http.body_limits import BodyLimit
from imagegen.api.http.media_types import JSON
from imagegen.errors import InvalidRequest
from imagegen.keys import KeyScope
from imagegen.registry import Registry
from imagegen.settings import LimitSettings

Target = TypeVar("Target")
_DECLARED: Final = "__route_policy__"
_SCOPE: Final = "imagegen.route_policy"


class Access(Enum):
    """Who may call a route."""

    KEYED = "keyed"  # callers that `AccessPolicy` admits
    OPEN = "open"  # every caller that reaches the port


class Caching(Enum):
    """The `Cache-Control` of a route's responses."""

    NO_STORE = "no-store"  # always, because the responses are about users' jobs
    NO_STORE_BY_DEFAULT = "no-store by default"  # unless the handler sets another
    REVALIDATE = "no-cache"  # unless the handler sets another: a browser asks whether its copy is current
    AS_SET = "as set"  # by the handler, or none


@dataclass(frozen=True, slots=True)
class BodyPolicy:
    """What the body of a route's requests may be.

    Attributes:
        media_type: the type that it must be declared as; None for any.
        limit: its limits, which follow from the settings.
        explain: turns the errors that pydantic found in a body into a refusal; None if the handler validates it.
        names_user: whether a body without `userId` is for the default user of its caller's key.
    """

    media_type: str | None
    limit: Callable[[LimitSettings], BodyLimit]
    explain: Callable[[Registry, Sequence[ErrorDetails], JsonValue], InvalidRequest] | None = None
    names_user: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutePolicy:
    """What a route declares about itself.

    Attributes:
        access: who may call it.
        scope: what its callers must be permitted to do; of keyed routes only.
        body: what its body may be; None if it reads none.
        produces: the types of its responses, one of which the `Accept` header must allow; empty if it is not checked.
        caching: the `Cache-Control` of its responses.
        is_routine: it is polled by programs, so its requests are not traced, and logged at `debug` only.
    """

    access: Access
    scope: KeyScope | None = None
    body: BodyPolicy | None = None
    produces: tuple[str, ...] = (JSON,)
    caching: Caching = Caching.NO_STORE_BY_DEFAULT
    is_routine: bool = False


# The policy of a path that no route has: it is closed, and the response is a problem, whatever the key's scopes.
UNROUTED: Final = RoutePolicy(access=Access.KEYED)


def policy(declared: RoutePolicy) -> Callable[[Target], Target]:
    """Declare the policy of a handler, or of an application that is mounted."""

    def declare(target: Target) -> Target:
        setattr(target, _DECLARED, declared)
        return target

    return declare


def declared_policy(route: Route | Mount) -> RoutePolicy:
    """The policy that a route declares.

    Raises:
        LookupError: it declares none, or it is keyed without a scope. There is no default, so that a new route cannot
            be open or closed by accident.
    """
    target = route.endpoint if isinstance(route, Route) else route.app
    found = getattr(target, _DECLARED, None)
    if found is None:
        raise LookupError(f"the route {route.path} declares no policy: decorate its handler with @policy")
    declared = cast("RoutePolicy", found)
    if declared.access is Access.KEYED and declared.scope is None:
        raise LookupError(f"the route {route.path} is keyed and declares no scope")
    return declared


class RoutePolicies:
    """The policies of an application's routes, by method and path."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self._entries = [_Entry.of(route) for route in routes if isinstance(route, Route | Mount)]

    def find(self, method: str, path: str) -> RoutePolicy:
        """The policy of the route with this method and path, otherwise of the first route with the path."""
        wanted, found = "GET" if method == "HEAD" else method, UNROUTED
        for entry in self._entries:
            if entry.path.match(path):
                if entry.methods is None or wanted in entry.methods:
                    return entry.policy
                found = entry.policy if found is UNROUTED else found
        return found


@dataclass(frozen=True, slots=True)
class _Entry:
    path: Pattern[str]
    methods: frozenset[str] | None
    policy: RoutePolicy

    @classmethod
    def of(cls, route: Route | Mount) -> "_Entry":
        methods = route.methods if isinstance(route, Route) else None
        return cls(route.path_regex, frozenset(methods) if methods else None, declared_policy(route))


def policy_of(scope: Scope) -> RoutePolicy:
    """The policy of a request's route."""
    return cast("RoutePolicy", scope[_SCOPE])


def set_policy(scope: Scope, found: RoutePolicy) -> None:
    """Put the policy of a request's route into its scope."""
    scope[_SCOPE] = found
