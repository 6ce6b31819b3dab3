"""/fal/rest/storage, /fal/cdn and /fal/put: uploads of fal's clients, into the user's bucket."""

import asyncio
import secrets
import tempfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from http import HTTPStatus
from typing import IO, Final, NoReturn, cast

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from imagegen.api.deps import caller_of, services_of
from imagegen.api.http.body_limits import upload_limit
from imagegen.api.http.multipart import SPOOLED
from imagegen.api.http.policies import Access, BodyPolicy, Caching, RoutePolicy, policy
from imagegen.api.http.problems import HttpProblem
from imagegen.clock import now
from imagegen.doors.fal.addresses import address_of
from imagegen.doors.fal.calls import read_object, user_of
from imagegen.doors.fal.result_response import json_response
from imagegen.doors.fal.upload_tokens import UploadGrant, UploadTokens, token_in
from imagegen.errors import InvalidInput, NotAnImage, TransferInterrupted
from imagegen.jobs.image_keys import input_key
from imagegen.keys import KeyScope
from imagegen.registry import user_id_faults
from imagegen.services import Services
from imagegen.storage.images.inputs import InputImage, TruncatedImage, examine

_PURPOSE: Final = b"uploads of fal's clients"
_VALID_FOR: Final = timedelta(minutes=10)
_EXTENSIONS: Final = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/jpg": "jpg",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/avif": "avif",
}
_UNKNOWN_EXTENSION: Final = "bin"
_BEGIN: Final = RoutePolicy(access=Access.KEYED, scope=KeyScope.GENERATE, caching=Caching.NO_STORE)
# The token in the path or in the header admits the caller.
_BYTES: Final = RoutePolicy(access=Access.OPEN, body=BodyPolicy(None, upload_limit), caching=Caching.NO_STORE)
_REFUSED: Final = "This upload has no valid token, or it is older than ten minutes. Begin the upload again."


def storage_routes() -> Sequence[Route]:
    """The routes of uploads."""
    rest = "/fal/rest/storage"
    return [
        Route(f"{rest}/upload/initiate", _initiate, methods=["POST"]),
        Route(f"{rest}/upload/initiate-multipart", _refuse_multipart, methods=["POST"]),
        Route(f"{rest}/auth/token", _grant_token, methods=["POST"]),
        Route("/fal/cdn/files/upload/multipart", _refuse_multipart, methods=["POST"]),
        Route("/fal/cdn/files/upload", _upload, methods=["POST"]),
        Route("/fal/put/{token}", _put, methods=["PUT"]),
    ]


@policy(_BEGIN)
async def _initiate(request: Request) -> Response:
    """Begin an upload: the address that its bytes are PUT to, and the one that it will have."""
    services = services_of(request)
    body = await read_object(request)
    kind = str(body.get("content_type") or "").partition(";")[0].strip().lower()
    user_id = _user(request)
    key = input_key(user_id, secrets.token_hex(32), _EXTENSIONS.get(kind, _UNKNOWN_EXTENSION))
    token = _tokens(services).make(UploadGrant(user_id=user_id, key=key, until=now() + _VALID_FOR))
    put_to = f"{address_of(request)}/fal/put/{token}"
    return json_response({"upload_url": put_to, "file_url": await services.images.url(key)})


@policy(_BEGIN)
async def _grant_token(request: Request) -> Response:
    """A token with which the bytes of uploads are sent to `base_url`."""
    until = now() + _VALID_FOR
    token = _tokens(services_of(request)).make(UploadGrant(user_id=_user(request), key=None, until=until))
    return json_response(
        {
            "token": token,
            "token_type": "Bearer",
            "base_url": f"{address_of(request)}/fal/cdn",
            "expires_at": until.isoformat(),
        }
    )


@policy(_BYTES)
async def _upload(request: Request) -> Response:
    """Store the image in the body."""
    services = services_of(request)
    grant = _tokens(services).read(token_in(request.headers), now())
    if grant is None or grant.key is not None:
        raise HttpProblem(HTTPStatus.UNAUTHORIZED, "upload_token", _REFUSED)
    async with _received(request) as file:
        key = await services.images.store_input(grant.user_id, file, await _examined(file))
    return json_response({"access_url": await services.images.url(key)})


@policy(_BYTES)
async def _put(request: Request) -> Response:
    """Store the image in the body at the address that was promised for it, once."""
    services = services_of(request)
    grant = _tokens(services).read(str(request.path_params["token"]), now())
    if grant is None or grant.key is None:
        raise HttpProblem(HTTPStatus.UNAUTHORIZED, "upload_token", _REFUSED)
    if await services.images.bucket.exists(grant.key):
        raise HttpProblem(HTTPStatus.FORBIDDEN, "upload_token", "This upload has its bytes already.")
    async with _received(request) as file:
        await services.images.store_input(grant.user_id, file, await _examined(file), key=grant.key)
    return json_response({})


@policy(_BEGIN)
async def _refuse_multipart(request: Request) -> NoReturn:
    """Refuse an upload in parts: the clients send one if the file is larger than any that is taken."""
    most = services_of(request).settings.limits.max_upload_bytes
    detail = f"A file may have at most {most} bytes (IMAGEGEN_MAX_UPLOAD_BYTES); uploads in parts are not supported."
    raise HttpProblem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", detail)


def _user(request: Request) -> str:
    """The user that an upload is for. Raises InvalidInput or UserNotAllowed."""
    caller = caller_of(request)
    user_id = user_of(request.headers, caller, services_of(request).settings)
    caller.require_user(user_id)
    if faults := user_id_faults(user_id):
        raise InvalidInput(faults)
    return user_id


def _tokens(services: Services) -> UploadTokens:
    return UploadTokens(services.links.derived_secret(_PURPOSE))


@asynccontextmanager
async def _received(request: Request) -> AsyncGenerator[IO[bytes]]:
    """The bytes of the body, in memory or, if they are many, in a temporary file."""
    with tempfile.SpooledTemporaryFile(max_size=SPOOLED) as file:
        size = 0
        try:
            async for chunk in request.stream():
                size += len(chunk)
                is_in_memory = size <= SPOOLED
                _ = file.write(chunk) if is_in_memory else await asyncio.to_thread(file.write, chunk)
        except ClientDisconnect as error:
            raise HttpProblem(HTTPStatus.BAD_REQUEST, "cut_off", "The body was cut off.") from error
        yield cast("IO[bytes]", file)


async def _examined(file: IO[bytes]) -> InputImage:
    try:
        return await asyncio.to_thread(examine, file)
    except (NotAnImage, TruncatedImage, TransferInterrupted) as error:
        detail = f"The file cannot be used: {error}."
        raise HttpProblem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported_picture", detail) from error
