"""The middleware around the routes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware

from imagegen.api.http.policies import RoutePolicies
from imagegen.api.http.request_ids import HEADER
from imagegen.api.middleware.auth import AccessPolicy, AuthMiddleware
from imagegen.api.middleware.body_limits import BodyLimitMiddleware
from imagegen.api.middleware.exchange import ExchangeMiddleware
from imagegen.api.middleware.head_options import HeadOptionsMiddleware
from imagegen.observability.tracing import HEADER as TRACE
from imagegen.observability.tracing import Tracer
from imagegen.settings import LimitSettings

_SENT: Final = ("Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "Prefer", HEADER, TRACE)
_READ: Final = (
    "ETag",
    "Idempotent-Replayed",
    "Link",
    "Location",
    "Preference-Applied",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
)


@dataclass(frozen=True, slots=True)
class Browsers:
    """What pages of the allowed origins may do.

    Attributes:
        methods: of their requests.
        sent: headers that they may send.
        read: headers that they may read.
    """

    methods: Sequence[str]
    sent: Sequence[str]
    read: Sequence[str]


_OF_THE_API: Final = Browsers(methods=("GET", "POST", "PATCH", "DELETE"), sent=_SENT, read=_READ)


def install_middleware(
    app: Starlette,
    access: AccessPolicy,
    policies: RoutePolicies,
    limits: LimitSettings,
    tracer: Tracer,
    *,
    browsers: Browsers = _OF_THE_API,
) -> None:
    """Add the middleware to an application, innermost first."""
    app.add_middleware(AuthMiddleware, access=access, origins=limits.origins)
    app.add_middleware(BodyLimitMiddleware, limits=limits)
    app.add_middleware(HeadOptionsMiddleware, routes=app.routes)
    if limits.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=limits.origins,
            allow_methods=browsers.methods,
            allow_headers=browsers.sent,
            expose_headers=(*browsers.read, HEADER, TRACE),
        )
    app.add_middleware(ExchangeMiddleware, policies=policies, tracer=tracer)
