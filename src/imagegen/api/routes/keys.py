"""/api/keys: API keys, for callers with the scope `admin`."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from imagegen.api.deps import KeyId, administration_of, administrator_idempotency
from imagegen.api.http.body_limits import usual_limit
from imagegen.api.http.json_route import JsonRoute
from imagegen.api.http.media_types import JSON
from imagegen.api.http.pages import cursor_at, cursor_pattern, next_link, place_of, written_page
from imagegen.api.http.policies import Access, BodyPolicy, Caching, RoutePolicy, policy
from imagegen.api.http.prefer import IdempotencyKey, replay_header
from imagegen.api.openapi.examples import KEY_CURSOR
from imagegen.api.openapi.responses import (
    BAD_QUERY,
    BEYOND_OWN_KEY,
    INVALID_INPUT,
    KEY_LOCATION,
    KEY_NOT_CREATED,
    KEY_NOT_FOUND,
    NOT_TO_BE_CHANGED,
    NOT_TO_BE_ROTATED,
    REPLAYED,
    UNAVAILABLE,
)
from imagegen.keys import KEY_ID_PATTERN, KeyScope
from imagegen.operations.key_administration import IssuedKey
from imagegen.operations.key_requests import ChangeKeyRequest, CreateKeyRequest, explain_change, explain_create
from imagegen.wire import key_schemas
from imagegen.wire.key_serializers import serialize_issued, serialize_key

_CREATE: Final = "POST /api/keys"
_ROTATE: Final = "POST /api/keys/{keyId}/rotate"
_CREATED: Final = {
    "model": key_schemas.IssuedApiKey,
    "description": "The key is created; the token is in this response only.",
    "headers": {**KEY_LOCATION, **REPLAYED},
}
_ROTATED: Final = {"headers": {**REPLAYED}}

router = APIRouter(prefix="/api/keys", tags=["keys"], route_class=JsonRoute)


class KeyQuery(BaseModel):
    """A page of the list."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=20, ge=1, le=100, description="Keys per page.")
    cursor: str | None = Field(
        default=None,
        pattern=cursor_pattern(KEY_ID_PATTERN),
        description="`nextCursor` of the previous page.",
        examples=[KEY_CURSOR],
    )


@router.post(
    "",
    status_code=201,
    response_model=key_schemas.IssuedApiKey,
    responses={201: _CREATED, **INVALID_INPUT, **BEYOND_OWN_KEY, **KEY_NOT_CREATED, **UNAVAILABLE},
)
@policy(
    RoutePolicy(
        access=Access.KEYED,
        scope=KeyScope.ADMIN,
        body=BodyPolicy(JSON, usual_limit, explain_create),
        caching=Caching.NO_STORE,
    )
)
async def create_key(body: CreateKeyRequest, request: Request, idempotency_key: IdempotencyKey = None) -> Response:
    """Create an API key. Its token is in this response only.

    A key may have up to 1,000 users and 200 models, and there may be 10,000 keys that are not revoked. If your own
    key has restrictions, it grants no more than it has. A repeat with the same `Idempotency-Key` returns the key
    without its token; `rotate` makes a new one.
    """
    as_sent = body.model_dump(mode="json", by_alias=True, exclude_unset=True)
    sent = administrator_idempotency(request, _CREATE, idempotency_key, as_sent)
    issued = await administration_of(request).create(body, sent)
    return _issued(issued, 201, {"Location": f"/api/keys/{issued.key.id}"})


@router.get("", response_model=key_schemas.ApiKeyList, responses={**BAD_QUERY, **UNAVAILABLE})
@policy(RoutePolicy(access=Access.KEYED, scope=KeyScope.ADMIN, caching=Caching.NO_STORE))
async def list_keys(query: Annotated[KeyQuery, Query()], request: Request) -> Response:
    """List the API keys, newest first, revoked and expired ones included.

    Only keys that your own key could grant are listed. The `Link` header has the next page.
    """
    page = await administration_of(request).page(limit=query.limit, before=place_of(query.cursor))
    cursor = cursor_at(*page.next_before) if page.next_before is not None else None
    content = await written_page(key_schemas.ApiKeyList(keys=[], next_cursor=cursor), map(serialize_key, page.keys))
    return Response(content, headers=next_link(request, cursor), media_type=JSON)


@router.get("/{keyId}", response_model=key_schemas.ApiKey, responses={**KEY_NOT_FOUND, **UNAVAILABLE})
@policy(RoutePolicy(access=Access.KEYED, scope=KeyScope.ADMIN, caching=Caching.NO_STORE))
async def get_key(key_id: KeyId, request: Request) -> Response:
    """Get one API key.

    A key that your own key could not grant is reported as not found.
    """
    key = await administration_of(request).get(key_id)
    return JSONResponse(serialize_key(key).model_dump(mode="json"))


@router.patch(
    "/{keyId}",
    response_model=key_schemas.ApiKey,
    responses={**INVALID_INPUT, **BEYOND_OWN_KEY, **KEY_NOT_FOUND, **NOT_TO_BE_CHANGED, **UNAVAILABLE},
)
@policy(
    RoutePolicy(
        access=Access.KEYED,
        scope=KeyScope.ADMIN,
        body=BodyPolicy(JSON, usual_limit, explain_change),
        caching=Caching.NO_STORE,
    )
)
async def change_key(key_id: KeyId, body: ChangeKeyRequest, request: Request) -> Response:
    """Change an API key. Members that are left out stay as they are.

    Null is not the same as leaving a member out: it means all users, all models, no default user, no expiry.
    """
    key = await administration_of(request).change(key_id, body)
    return JSONResponse(serialize_key(key).model_dump(mode="json"))


@router.delete(
    "/{keyId}",
    status_code=204,
    response_class=Response,
    response_description="Revoked.",
    responses={**KEY_NOT_FOUND, **UNAVAILABLE},
)
@policy(RoutePolicy(access=Access.KEYED, scope=KeyScope.ADMIN, produces=(), caching=Caching.NO_STORE))
async def revoke_key(key_id: KeyId, request: Request) -> Response:
    """Revoke an API key for good.

    It stays in the list, so that nothing revives it. The request may be repeated.
    """
    await administration_of(request).revoke(key_id)
    return Response(status_code=204)


@router.post(
    "/{keyId}/rotate",
    response_model=key_schemas.IssuedApiKey,
    responses={200: _ROTATED, **KEY_NOT_FOUND, **NOT_TO_BE_ROTATED, **UNAVAILABLE},
)
@policy(RoutePolicy(access=Access.KEYED, scope=KeyScope.ADMIN, caching=Caching.NO_STORE))
async def rotate_key(key_id: KeyId, request: Request, idempotency_key: IdempotencyKey = None) -> Response:
    """Give an API key a new token, which is in this response only. The old token is no longer valid.

    A repeat with the same `Idempotency-Key` returns the key without its token.
    """
    sent = administrator_idempotency(request, _ROTATE, idempotency_key, key_id)
    return _issued(await administration_of(request).rotate(key_id, sent), 200, {})


def _issued(issued: IssuedKey, status: int, headers: dict[str, str]) -> Response:
    return JSONResponse(
        serialize_issued(issued).model_dump(mode="json"),
        status,
        headers={**headers, **replay_header(replayed=issued.replayed)},
    )
