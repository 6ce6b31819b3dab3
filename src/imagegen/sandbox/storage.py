"""fal's file storage: a token, an upload with it, and the file served as by fal's media host.

Tokens are kept in memory only; clients must renew them anyway, because fal's tokens expire.
"""

import asyncio
import json
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from imagegen.sandbox import responses
from imagegen.sandbox.responses import RefusedRequest

_LIFE: Final = timedelta(hours=1)
_MOST_BYTES: Final = 100 * 1024 * 1024
_TYPES: Final = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/avif": "avif",
}


class StorageRoutes:
    """Files in one directory, each with a unique name that cannot be guessed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tokens: dict[str, datetime] = {}
        self._expected: dict[str, str] = {}

    def routes(self) -> list[Route]:
        """Register before the submit call, which matches any path."""
        return [
            Route("/storage/auth/token", self.token, methods=["POST"]),
            Route("/storage/upload/initiate", self.initiate, methods=["POST"]),
            Route("/files/upload", self.upload, methods=["POST"]),
            Route("/files/b/{file_id:uuid}/{name}", self.put, methods=["PUT"]),
            Route("/files/b/{file_id:uuid}/{name}", self.file),
        ]

    async def token(self, request: Request) -> Response:
        """Answer a valid key with a token for uploads."""
        responses.caller(request)
        token, now = secrets.token_urlsafe(24), datetime.now(UTC)
        self._tokens = {known: until for known, until in self._tokens.items() if until > now}
        self._tokens[token] = now + _LIFE
        body = {
            "token": token,
            "token_type": "Bearer",
            "base_url": responses.base_url_of(request),
            "expires_at": (now + _LIFE).isoformat(),
        }
        return JSONResponse(body)

    async def upload(self, request: Request) -> Response:
        """Store the bytes sent with a token, and answer with their URL."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        until = self._tokens.get(token)
        if scheme.lower() != "bearer" or until is None or until < datetime.now(UTC):
            raise RefusedRequest(401, {"detail": "invalid token"})
        name = f"{uuid4().hex}.{_extension(request.headers.get('content-type', ''))}"
        file_id = uuid4()
        await self._save(file_id, name, await _content(request))
        return JSONResponse({"access_url": f"{responses.base_url_of(request)}/files/b/{file_id}/{name}"})

    async def initiate(self, request: Request) -> Response:
        """The older upload: the client names the file, then PUTs it to the URL of the answer."""
        responses.caller(request)
        try:
            wanted = json.loads(await request.body())
            name = f"{uuid4().hex}.{_extension(str(wanted['content_type']))}"
        except (ValueError, KeyError, TypeError):
            raise RefusedRequest(422, {"detail": "name the file and its content_type"}) from None
        file_id, ticket = uuid4(), secrets.token_urlsafe(24)
        self._expected[ticket] = f"{file_id}/{name}"
        url = f"{responses.base_url_of(request)}/files/b/{file_id}/{name}"
        return JSONResponse({"upload_url": f"{url}?ticket={ticket}", "file_url": url})

    async def put(self, request: Request) -> Response:
        """Store the bytes of a file named before; each ticket is valid once."""
        file_id, name = request.path_params["file_id"], request.path_params["name"]
        if self._expected.pop(request.query_params.get("ticket", ""), None) != f"{file_id}/{name}":
            raise RefusedRequest(403, {"detail": "invalid ticket"})
        await self._save(file_id, name, await _content(request))
        return Response()

    async def file(self, request: Request) -> Response:
        """Answer with the file's bytes; no key is needed."""
        file_id, name = request.path_params["file_id"], request.path_params["name"]
        kinds = {extension: content_type for content_type, extension in _TYPES.items()}
        data = await asyncio.to_thread(_read, self._folder / str(file_id) / name)
        if data is None:
            return Response("Not Found", 404)
        return Response(data, media_type=kinds.get(name.rpartition(".")[2], "application/octet-stream"))

    async def _save(self, file_id: UUID, name: str, content: bytes) -> None:
        await asyncio.to_thread(_write, self._folder / str(file_id) / name, content)


def _extension(content_type: str) -> str:
    return _TYPES.get(content_type.partition(";")[0].strip().lower(), "bin")


async def _content(request: Request) -> bytes:
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > _MOST_BYTES:
            raise RefusedRequest(413, {"detail": "the file is too large"})
    return bytes(data)


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True)
    file.write_bytes(content)


def _read(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
