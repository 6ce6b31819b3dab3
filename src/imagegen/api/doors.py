"""Who is let in, decided before a request's body is read: the name it calls us by, and its API key.

Closed unless a path is open: an operation that somebody adds needs a key without saying so.
"""

import asyncio
import ipaddress
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imagegen.api.errors import problem
from imagegen.errors import StartupError
from imagegen.http import is_loopback
from imagegen.keys import Caller, KeysFile, read_keys
from imagegen.settings import Environment, Settings
from imagegen.submission import WEBHOOKS
from imagegen.turn import uptime

# Where people look for the documentation; they are led to /api-docs.
ALIASES: Final = ("/", "/docs", "/redoc", "/swagger", "/api/docs")
OPEN_PATHS: Final = frozenset({*ALIASES, "/api-docs", "/openapi.json", "/health/live", "/health/ready"})
_OPEN_BELOW: Final = ("/api-docs/", f"{WEBHOOKS}/")
_REALM: Final = 'Bearer realm="imagegen"'
_HOW: Final = "Send an API key in the header Authorization: Bearer ig_…"
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_LONG: Final = 2.0  # seconds; a key is looked at once a second
_log = logging.getLogger("imagegen.api")


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Who is let in.

    Attributes:
        keys: the API keys; None if there are none.
        anonymous: whether a request without a key is let in. A key that it has is looked at all the same.
        hosts: names for the Host header beside localhost and addresses, in lower case; `*.` for any subdomain.
    """

    keys: KeysFile | None = None
    anonymous: bool = True
    hosts: frozenset[str] = frozenset()

    def go_by(self, host: str) -> bool:
        """Whether a request may call us by this Host header.

        A page that rebinds its own name to our address still sends that name, so an address is as safe as localhost.
        """
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
        if name == "localhost" or name.endswith(".localhost") or name in self.hosts or _is_address(name):
            return True
        return any(name.endswith(wild[1:]) for wild in self.hosts if wild.startswith("*."))

    async def caller(self, authorization: list[str]) -> Caller | None:
        """The caller with these Authorization headers; None for one who is not let in."""
        if self.keys is None:
            return Caller() if self.anonymous else None
        if self.anonymous and not any(_is_bearer(header) for header in authorization):
            return Caller()
        token = _token(authorization)
        key = (await self.keys.ring()).holder(token) if token else None
        return Caller(key) if key else None

    async def still_admits(self, caller: Caller) -> bool:
        """Whether a caller that was let in would be let in again: its key is neither revoked nor changed."""
        if caller.key is None or self.keys is None:
            return True
        return caller.key in (await self.keys.ring()).keys


class Doorkeeper:
    """Middleware that turns away what `Doors` do not let in, and gives the rest its `Caller`.

    `origins` are those whose pages may call the service from a browser.
    """

    def __init__(self, app: ASGIApp, doors: Doors, origins: Sequence[str] = ()) -> None:
        self._app, self._doors, self._origins = app, doors, frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer in the application's place, or let it answer."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        refusal = await self._refusal(scope)
        caller = scope.get("state", {}).get("caller")
        if refusal is None and caller is not None and caller.key is not None:
            send = _LateLook(self._doors, caller, scope, receive, send).send
        return await (refusal or self._app)(scope, receive, send)

    async def _refusal(self, scope: Scope) -> JSONResponse | None:
        request = Request(scope)
        hosts = request.headers.getlist("host")
        if len(hosts) != 1 or not _readable(self._doors, hosts[0]):
            return _misdirected()
        if is_open(scope["path"]):
            return None
        authorization = request.headers.getlist("authorization")
        caller = await self._doors.caller(authorization)
        if caller is None:
            return _unauthorized(has_key=bool(authorization))
        if caller.key is None and _is_foreign(request, self._origins):
            return _foreign()
        scope.setdefault("state", {})["caller"] = caller
        return None


class _LateLook:
    """Looks at the key again before an answer that took long is sent: it may have been revoked meanwhile."""

    def __init__(self, doors: Doors, caller: Caller, scope: Scope, receive: Receive, send: Send) -> None:
        self._doors, self._caller, self._scope, self._receive, self._send = doors, caller, scope, receive, send
        self._began, self._is_refused = uptime(), False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and uptime() - self._began > _LONG:
            self._is_refused = not await self._doors.still_admits(self._caller)
            if self._is_refused:
                await _unauthorized(has_key=True)(self._scope, self._receive, self._send)
        if not self._is_refused:
            await self._send(message)


def _is_foreign(request: Request, origins: frozenset[str]) -> bool:
    """Whether a page of another origin made a browser send a request that changes something.

    Every browser says so, in `Origin` with each such request, and in `Sec-Fetch-Site`. Programs send neither.
    """
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site", "none")
    if request.method in _SAFE or "*" in origins or origin in origins:
        return False
    is_own = origin is None or (origin != "null" and urlsplit(origin).netloc == request.headers["host"])
    return not is_own or site not in {"none", "same-origin"}


def is_open(path: str) -> bool:
    """Whether no key is needed: health, and the documentation, which says nothing of anybody's jobs; fal's webhooks.

    Those are signed by fal, and their address holds a secret.
    """
    return path in OPEN_PATHS or path.startswith(_OPEN_BELOW)


async def doors_for(settings: Settings, host: str) -> Doors:
    """The doors of a service that listens on this host.

    Raises:
        StartupError: callers need keys and there is no file of them, or it cannot be read.
    """
    wanted, file = settings.doors, settings.doors.api_keys_file
    if file is None and not wanted.allow_anonymous and (why := _why_keys(settings, host)):
        raise StartupError(
            f"{why}, so callers need API keys: name a file for them in IMAGEGEN_API_KEYS_FILE and make one with "
            "`imagegen keys add NAME`. IMAGEGEN_ALLOW_ANONYMOUS=1 lets everyone in who reaches the port"
        )
    if file is not None and not (await asyncio.to_thread(read_keys, file)).keys:
        _log.warning("%s has no keys yet: `imagegen keys add NAME` makes one", file)
    if wanted.allow_anonymous:
        _log.warning("IMAGEGEN_ALLOW_ANONYMOUS: whoever reaches the port can spend fal credit and read every job")
    return Doors(
        keys=KeysFile(file) if file else None,
        anonymous=wanted.allow_anonymous or file is None,
        hosts=wanted.host_names | _own_names(settings, host),
    )


def _why_keys(settings: Settings, host: str) -> str | None:
    if not is_loopback(host):
        return f"the service would listen on {host}, beyond this machine"
    return "IMAGEGEN_ENV is production" if settings.service.env is Environment.PRODUCTION else None


def _own_names(settings: Settings, host: str) -> frozenset[str]:
    public = urlsplit(settings.service.public_url or "").hostname
    return frozenset(name.lower() for name in (host, public) if name)


def _readable(doors: Doors, host: str) -> bool:
    try:
        return doors.go_by(host)
    except ValueError:
        return False


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_bearer(header: str) -> bool:
    return header.partition(" ")[0].lower() == "bearer"


def _token(authorization: list[str]) -> str | None:
    """The one bearer token; two headers are none, for nobody can tell which one a proxy looked at."""
    if len(authorization) != 1 or not _is_bearer(authorization[0]):
        return None
    return authorization[0].partition(" ")[2].strip()


def _unauthorized(*, has_key: bool) -> JSONResponse:
    challenge = f'{_REALM}, error="invalid_token"' if has_key else _REALM
    detail = f"This API key is not valid. {_HOW}" if has_key else f"An API key is needed. {_HOW}"
    return problem(HTTPStatus.UNAUTHORIZED, "unauthorized", detail, headers={"WWW-Authenticate": challenge})


def _foreign() -> JSONResponse:
    detail = (
        "A page of another origin sent this, and no API key is needed here: a browser would let any page spend your "
        "fal credit. Name its origin in CORS_ORIGINS, or make API keys (IMAGEGEN_API_KEYS_FILE)."
    )
    return problem(HTTPStatus.FORBIDDEN, "foreign_origin", detail)


def _misdirected() -> JSONResponse:
    detail = "The Host header has no name of this service. Use one of its names, or add this to IMAGEGEN_ALLOWED_HOSTS."
    return problem(HTTPStatus.MISDIRECTED_REQUEST, "misdirected_request", detail)
