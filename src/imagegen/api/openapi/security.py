"""API keys in the OpenAPI document."""

from typing import Any, Final, cast

from imagegen.api.http.policies import Access, RoutePolicies
from imagegen.api.openapi.responses import INSUFFICIENT_SCOPE, UNAUTHORIZED, UNAVAILABLE

_SCHEME: Final = "apiKey"


def declare_security(document: dict[str, Any], policies: RoutePolicies, *, needs_key: bool) -> None:
    """Declare which operations need an API key, in place; anonymous requests may be allowed."""
    description = (
        "An API key, `ig_…`, which the operator makes. It needs the scope `generate` for what makes, changes or "
        "deletes jobs and uploads, `admin` for keys, budgets, the audit trail and the catalog, and `read` for "
        "everything else. A service without keys needs none."
    )
    scheme = {"type": "http", "scheme": "bearer", "description": description}
    document["components"]["securitySchemes"] = {_SCHEME: scheme}
    document["security"] = [{_SCHEME: []}, *([] if needs_key else [{}])]
    for path, operations in cast("dict[str, dict[str, Any]]", document["paths"]).items():
        for method, operation in operations.items():
            if policies.find(method.upper(), path).access is Access.OPEN:
                operation["security"] = []
            else:
                refusals = {**UNAUTHORIZED, **INSUFFICIENT_SCOPE, **UNAVAILABLE}
                own = operation["responses"]
                operation["responses"] = dict(
                    sorted({**{str(status): each for status, each in refusals.items()}, **own}.items())
                )
