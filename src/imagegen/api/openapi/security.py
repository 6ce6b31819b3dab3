"""API keys in the OpenAPI document."""

from typing import Any, Final, cast

from imagegen.api.http.policies import Access, RoutePolicies
from imagegen.api.middleware.auth import AccessPolicy
from imagegen.api.openapi.responses import UNAUTHORIZED

_SCHEME: Final = "apiKey"


def declare_security(document: dict[str, Any], access: AccessPolicy, policies: RoutePolicies) -> None:
    """Declare which operations need an API key, in place; anonymous requests may be allowed for all of them."""
    description = (
        "An API key, `ig_…`, which the operator creates with `imagegen keys add`. A service without keys needs none."
    )
    scheme = {"type": "http", "scheme": "bearer", "description": description}
    document["components"]["securitySchemes"] = {_SCHEME: scheme}
    document["security"] = [{_SCHEME: []}, *([{}] if access.anonymous else [])]
    for path, operations in cast("dict[str, dict[str, Any]]", document["paths"]).items():
        for method, operation in operations.items():
            if policies.find(method.upper(), path).access is Access.OPEN:
                operation["security"] = []
            else:
                operation["responses"] |= {str(status): response for status, response in UNAUTHORIZED.items()}
