"""The middleware around the routes."""

from typing import Final

from fastapi import FastAPI
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
    HEADER,
    TRACE,
)


def install_middleware(
    app: FastAPI, access: AccessPolicy, policies: RoutePolicies, limits: LimitSettings, tracer: Tracer
) -> None:
    """Add the middleware to the application, innermost first."""
    app.add_middleware(AuthMiddleware, access=access, origins=limits.origins)
    app.add_middleware(BodyLimitMiddleware, limits=limits)
    app.add_middleware(HeadOptionsMiddleware, routes=app.routes)
    if limits.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=limits.origins,
            allow_methods=("GET", "POST", "PATCH", "DELETE"),
            allow_headers=_SENT,
            expose_headers=_READ,
        )
    app.add_middleware(ExchangeMiddleware, policies=policies, tracer=tracer)
