"""/api/admin/catalog: the catalog of a running service."""

from fastapi import APIRouter, Request

from imagegen.api.deps import caller_of, services_of
from imagegen.api.http.json_route import JsonRoute
from imagegen.api.http.policies import Access, Caching, RoutePolicy, policy
from imagegen.api.openapi.responses import CATALOG_REFUSED, UNAVAILABLE
from imagegen.keys import KeyScope
from imagegen.operations import catalog_reload
from imagegen.operations.key_administration import ANONYMOUS
from imagegen.wire.catalog_schemas import CatalogReload
from imagegen.wire.catalog_serializers import serialize_change

router = APIRouter(prefix="/api/admin/catalog", tags=["catalog"], route_class=JsonRoute)


@router.post("/reload", responses={**CATALOG_REFUSED, **UNAVAILABLE})
@policy(RoutePolicy(access=Access.KEYED, scope=KeyScope.ADMIN, caching=Caching.NO_STORE))
async def reload_catalog(request: Request) -> CatalogReload:
    """Reload the catalog.

    Takes in what the files of `IMAGEGEN_CATALOG` have now, without a restart: all of it, or nothing. Routes, schemas,
    prices and the OpenAPI document change at one moment. Requests and jobs under way end with the catalog that they
    began with. Every other process of the service reads its own files a moment later. If a file has faults, all of them
    are listed, and nothing changes in any process.
    """
    caller = caller_of(request)
    change = await catalog_reload.reload_catalog(services_of(request), caller.key.id if caller.key else ANONYMOUS)
    return serialize_change(change)
