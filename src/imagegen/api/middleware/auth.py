"""Admits or refuses a request by its Host header, its API key and its origin, before its body is read."""

import asyncio
import ipaddress
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imagegen.api.http.policies import Access, policy_of
from imagegen.api.http.problems import problem
from imagegen.clock import uptime
from imagegen.errors import StartupError
from imagegen.keys import Caller, KeysFile, read_keys
from imagegen.net.allowed_hosts import is_loopback
from imagegen.settings import Environment, Settings

_REALM: Final = 'Bearer realm="imagegen"'
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_SLOW: Final = 2.0  # seconds; the file of keys is checked once a second
_log = logging.getLogger("imagegen.api")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessPolicy:
    """Which requests are admitted.

    Attributes:
        keys: the API keys; None if there are none.
        anonymous: whether a request without a key is admitted. A key that is sent must be valid all the same.
        hosts: names allowed in the Host header, besides localhost and IP addresses; lower case, `*.` is any subdomain.
    """

    keys: KeysFile | None = None
    anonymous: bool = True
    hosts: frozenset[str] = frozenset()

    def allows_host(self, host: str) -> bool:
        """Whether a request may have this Host header.

        A page that rebinds its own name to the service's address still sends that name, so an IP address is as safe as
        localhost.
        """
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
        if name == "localhost" or name.endswith(".localhost") or name in self.hosts or _is_address(name):
            return True
        return any(name.endswith(wild[1:]) for wild in self.hosts if wild.startswith("*."))

    async def caller(self, authorization: list[str]) -> Caller | None:
        """The caller with these Authorization headers; None if it is not admitted."""
        if self.keys is None:
            return Caller() if self.anonymous else None
        if self.anonymous and not any(_is_bearer(header) for header in authorization):
            return Caller()
        token = _token(authorization)
        key = (await self.keys.ring()).find_key(token) if token else None
        return Caller(key) if key else None

    async def still_admits(self, caller: Caller) -> bool:
        """Whether a caller that was admitted still is: its key is neither revoked nor changed."""
        if caller.key is None or self.keys is None:
            return True
        return caller.key in (await self.keys.ring()).keys


class AuthMiddleware:
    """Refuses requests that `AccessPolicy` does not admit, and puts the `Caller` of the others into their state.

    `origins` are the origins whose pages may call the service from a browser.
    """

    def __init__(self, app: ASGIApp, access: AccessPolicy, origins: Sequence[str] = ()) -> None:
        self._app, self._access, self._origins = app, access, frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        refusal = await self._refusal(scope)
        caller = scope.get("state", {}).get("caller")
        if refusal is None and caller is not None and caller.key is not None:
            send = _KeyRecheck(self._access, caller, scope, receive, send).send
        return await (refusal or self._app)(scope, receive, send)

    async def _refusal(self, scope: Scope) -> JSONResponse | None:
        request = Request(scope)
        hosts = request.headers.getlist("host")
        if len(hosts) != 1 or not _allows_host(self._access, hosts[0]):
            return _misdirected()
        if policy_of(scope).access is Access.OPEN:
            return None
        authorization = request.headers.getlist("authorization")
        caller = await self._access.caller(authorization)
        if caller is None:
            return _unauthorized(has_key=bool(authorization))
        if caller.key is None and _is_foreign(request, self._origins):
            return _foreign()
        scope.setdefault("state", {})["caller"] = caller
        return None


class _KeyRecheck:
    """Checks the key again before a slow response is sent, because it may have been revoked in the meantime."""

    def __init__(self, access: AccessPolicy, caller: Caller, scope: Scope, receive: Receive, send: Send) -> None:
        self._access, self._caller, self._scope, self._receive, self._send = access, caller, scope, receive, send
        self._began, self._is_refused = uptime(), False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and uptime() - self._began > _SLOW:
            self._is_refused = not await self._access.still_admits(self._caller)
            if self._is_refused:
                await _unauthorized(has_key=True)(self._scope, self._receive, self._send)
        if not self._is_refused:
            await self._send(message)


def _is_foreign(request: Request, origins: frozenset[str]) -> bool:
    """Whether a page of another origin made a browser send a request that changes something.

    Browsers send `Origin` with each such request, and `Sec-Fetch-Site`. Other programs send neither.
    """
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site", "none")
    if request.method in _SAFE or "*" in origins or origin in origins:
        return False
    is_own = origin is None or (origin != "null" and urlsplit(origin).netloc == request.headers["host"])
    return not is_own or site not in {"none", "same-origin"}


async def build_access_policy(settings: Settings, host: str) -> AccessPolicy:
    """The access policy of a service that listens on this host.

    Raises:
        StartupError: callers need API keys, and there is no file of keys or it cannot be read.
    """
    wanted, file = settings.auth, settings.auth.api_keys_file
    if file is None and not wanted.allow_anonymous and (why := _why_keys(settings, host)):
        raise StartupError(
            f"{why}, so callers need API keys: name a file for them in IMAGEGEN_API_KEYS_FILE and create one with "
            "`imagegen keys add NAME`. IMAGEGEN_ALLOW_ANONYMOUS=1 admits any caller that reaches the port"
        )
    if file is not None and not (await asyncio.to_thread(read_keys, file)).keys:
        _log.warning("%s has no keys yet: create one with `imagegen keys add NAME`", file)
    if wanted.allow_anonymous:
        _log.warning(
            "IMAGEGEN_ALLOW_ANONYMOUS: any caller that reaches the port can spend fal credit and read every job"
        )
    return AccessPolicy(
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


def _allows_host(access: AccessPolicy, host: str) -> bool:
    try:
        return access.allows_host(host)
    except ValueError:
        return False


@lru_cache(maxsize=256)
def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_bearer(header: str) -> bool:
    return header.partition(" ")[0].lower() == "bearer"


def _token(authorization: list[str]) -> str | None:
    """The bearer token; None if there are two headers, because it is unknown which of them a proxy checked."""
    if len(authorization) != 1 or not _is_bearer(authorization[0]):
        return None
    return authorization[0].partition(" ")[2].strip()


def _unauthorized(*, has_key: bool) -> JSONResponse:
    challenge = f'{_REALM}, error="invalid_token"' if has_key else _REALM
    fault = "This API key is not valid. Send a valid one" if has_key else "An API key is required. Send it"
    detail = f"{fault} in the header Authorization: Bearer ig_…"
    return problem(HTTPStatus.UNAUTHORIZED, "unauthorized", detail, headers={"WWW-Authenticate": challenge})


def _foreign() -> JSONResponse:
    detail = (
        "A page of another origin sent this request, and this service needs no API key: any page could spend your fal "
        "credit. Add the page's origin to CORS_ORIGINS, or create API keys (IMAGEGEN_API_KEYS_FILE)."
    )
    return problem(HTTPStatus.FORBIDDEN, "foreign_origin", detail)


def _misdirected() -> JSONResponse:
    detail = "The Host header is not a name of this service. Use one, or add this one to IMAGEGEN_ALLOWED_HOSTS."
    return problem(HTTPStatus.MISDIRECTED_REQUEST, "misdirected_request", detail)
