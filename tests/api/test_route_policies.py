"""Every route declares its policy. A new route needs a line in this table."""

from collections.abc import Iterator
from typing import Final

import pytest
from fastapi import FastAPI
from starlette.routing import BaseRoute, Mount, Route

from imagegen.api import create_app
from imagegen.api.http.policies import UNROUTED, Access, Caching, RoutePolicies, RoutePolicy, declared_policy, policy
from imagegen.keys import KeyScope
from imagegen.registry import load_registry
from imagegen.settings import LimitSettings

BODY: Final = "IMAGEGEN_MAX_BODY_BYTES"
WITH_IMAGES: Final = "IMAGEGEN_MAX_BODY_BYTES + IMAGEGEN_MAX_DATA_URI_BYTES"
BATCH: Final = "IMAGEGEN_MAX_BATCH_BYTES"
UPLOAD: Final = "IMAGEGEN_MAX_UPLOAD_BYTES"
JSON: Final = "application/json"
FORM: Final = "multipart/form-data"
EVENTS: Final = "text/event-stream"
CSV: Final = "text/csv"
ANY: Final = "any"
# methods and path, access and scope, type and limit of the body, types for the Accept header, Cache-Control, routine
Row = tuple[str, str, tuple[str, str] | None, tuple[str, ...], str, bool]
TABLE: Final[list[Row]] = [
    ("DELETE /api/budgets/{budgetId}", "keyed for admin", None, (), "no-store", False),
    ("DELETE /api/jobs/{jobId}", "keyed for generate", None, (), "no-store", False),
    ("DELETE /api/keys/{keyId}", "keyed for admin", None, (), "no-store", False),
    ("GET /", "open", None, (), "no-cache", False),
    ("GET /api-docs", "open", None, (), "no-cache", True),
    ("GET /api/audit", "keyed for admin", None, (JSON,), "no-store", False),
    ("GET /api/batches/{batchId}", "keyed for read", None, (JSON,), "no-store", False),
    ("GET /api/budgets", "keyed for admin", None, (JSON,), "no-store", False),
    ("GET /api/budgets/{budgetId}", "keyed for admin", None, (JSON,), "no-store", False),
    ("GET /api/budgets/{budgetId}/ledger", "keyed for admin", None, (JSON,), "no-store", False),
    ("GET /api/docs", "open", None, (), "as set", False),
    ("GET /api/images/models", "keyed for read", None, (JSON,), "no-store by default", False),
    ("GET /api/images/models/{name}", "keyed for read", None, (JSON,), "no-store by default", False),
    ("GET /api/images/models/{name}/openapi.json", "keyed for read", None, (JSON,), "no-store by default", False),
    ("GET /api/images/{jobId}/{number}", "keyed for read", None, (), "no-store by default", False),
    ("GET /api/jobs", "keyed for read", None, (JSON,), "no-store", False),
    ("GET /api/jobs/{jobId}", "keyed for read", None, (JSON,), "no-store", False),
    ("GET /api/jobs/{jobId}/deliveries", "keyed for read", None, (JSON,), "no-store", False),
    ("GET /api/jobs/{jobId}/events", "keyed for read", None, (EVENTS,), "no-store", False),
    ("GET /api/keys", "keyed for admin", None, (JSON,), "no-store", False),
    ("GET /api/keys/{keyId}", "keyed for admin", None, (JSON,), "no-store", False),
    ("GET /api/usage", "keyed for read", None, (JSON, CSV), "no-store", False),
    ("GET /docs", "open", None, (), "as set", False),
    ("GET /health/live", "open", None, (JSON,), "as set", True),
    ("GET /health/ready", "open", None, (JSON,), "as set", True),
    ("GET /i/{token}", "open", None, (), "no-store by default", False),
    ("GET /metrics", "keyed for read", None, (), "as set", True),
    ("GET /openapi.json", "open", None, (), "as set", False),
    ("GET /redoc", "open", None, (), "as set", False),
    ("GET /swagger", "open", None, (), "as set", False),
    ("PATCH /api/budgets/{budgetId}", "keyed for admin", (JSON, BODY), (JSON,), "no-store", False),
    ("PATCH /api/keys/{keyId}", "keyed for admin", (JSON, BODY), (JSON,), "no-store", False),
    ("POST /api/admin/catalog/reload", "keyed for admin", None, (JSON,), "no-store", False),
    ("POST /api/batches/{batchId}/cancel", "keyed for generate", None, (JSON,), "no-store", False),
    ("POST /api/budgets", "keyed for admin", (JSON, BODY), (JSON,), "no-store", False),
    ("POST /api/budgets/{budgetId}/adjust", "keyed for admin", (JSON, BODY), (JSON,), "no-store", False),
    ("POST /api/images/batch", "keyed for generate", (JSON, BATCH), (JSON,), "no-store by default", False),
    ("POST /api/images/estimate-cost", "keyed for read", (JSON, WITH_IMAGES), (JSON,), "no-store by default", False),
    ("POST /api/images/generate", "keyed for generate", (JSON, WITH_IMAGES), (JSON,), "no-store by default", False),
    ("POST /api/jobs/{jobId}/cancel", "keyed for generate", None, (JSON,), "no-store", False),
    ("POST /api/jobs/{jobId}/retry", "keyed for generate", None, (JSON,), "no-store", False),
    ("POST /api/keys", "keyed for admin", (JSON, BODY), (JSON,), "no-store", False),
    ("POST /api/keys/{keyId}/rotate", "keyed for admin", None, (JSON,), "no-store", False),
    ("POST /api/uploads", "keyed for generate", (FORM, UPLOAD), (JSON,), "no-store by default", False),
    ("POST /api/webhooks/fal/{job_id}/{secret}", "open", (ANY, BODY), (), "no-store by default", False),
    ("any /api-docs/assets/{path}", "open", None, (), "no-cache", True),
]


@pytest.fixture(scope="module")
def app() -> FastAPI:
    return create_app(load_registry())


def routes_of(routes: list[BaseRoute]) -> Iterator[Route | Mount]:
    """The routes of an application."""
    for route in routes:
        assert isinstance(route, Route | Mount)
        yield route


def row(route: Route | Mount) -> Row:
    methods = ", ".join(sorted(route.methods or ())) if isinstance(route, Route) else "any"
    declared = declared_policy(route)
    body = declared.body and (declared.body.media_type or ANY, declared.body.limit(LimitSettings()).variable)
    name = f"{methods} {route.path_format}"
    access = f"keyed for {declared.scope}" if declared.scope else declared.access.value
    return name, access, body, declared.produces, declared.caching.value, declared.is_routine


def test_every_route_has_the_policy_of_the_table(app: FastAPI) -> None:
    assert sorted(map(row, routes_of(app.routes))) == TABLE


def test_route_without_a_policy_is_an_error() -> None:
    async def new_route() -> None:
        """A handler without a policy."""

    with pytest.raises(LookupError, match=r"/new declares no policy"):
        RoutePolicies([Route("/new", new_route)])


def test_body_types_equal_those_of_the_document(app: FastAPI) -> None:
    documented = {
        f"{method.upper()} {path}": list(operation["requestBody"]["content"])
        for path, operations in app.openapi()["paths"].items()
        for method, operation in operations.items()
        if "requestBody" in operation
    }
    declared = {name: [body[0]] for name, _, body, *_ in TABLE if body and body[0] != ANY}

    assert documented == declared


def test_keyed_route_without_a_scope_is_an_error() -> None:
    @policy(RoutePolicy(access=Access.KEYED))
    async def new_route() -> None:
        """A handler without a scope."""

    with pytest.raises(LookupError, match=r"/new is keyed and declares no scope"):
        RoutePolicies([Route("/new", new_route)])


OPEN: Final = RoutePolicy(access=Access.OPEN)
NO_STORE: Final = RoutePolicy(access=Access.KEYED, scope=KeyScope.READ, caching=Caching.NO_STORE)


@policy(OPEN)
async def read() -> None:
    """A handler."""


@policy(NO_STORE)
async def write() -> None:
    """Another handler."""


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/things/1", OPEN),
        ("HEAD", "/things/1", OPEN),
        ("POST", "/things/1", NO_STORE),
        ("PATCH", "/things/1", OPEN),  # 405, under the policy of the path's first route
        ("GET", "/things/1/2", UNROUTED),
        ("GET", "/", UNROUTED),
    ],
)
def test_policy_is_found_by_method_and_path(method: str, path: str, expected: RoutePolicy) -> None:
    policies = RoutePolicies(
        [Route("/things/{id}", read, methods=["GET"]), Route("/things/{id}", write, methods=["POST"])]
    )

    assert policies.find(method, path) == expected


def test_unknown_path_is_keyed() -> None:
    assert UNROUTED.access is Access.KEYED
