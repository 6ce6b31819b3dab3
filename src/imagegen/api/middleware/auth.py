"""Admits or refuses a request by its Host header, its API key and its origin, before its body is read."""

import ipaddress
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Final, cast
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imagegen.api.http.policies import Access, policy_of
from imagegen.api.http.problems import REALM, insufficient_scope, problem, unavailable
from imagegen.api.http.rate_headers import sender_with_rates
from imagegen.clock import uptime
from imagegen.errors import DatabaseUnavailable, ScopeMissing
from imagegen.keys import Caller
from imagegen.net.allowed_hosts import is_loopback
from imagegen.services import Services
from imagegen.settings import Environment, Settings
from imagegen.storage.key_directory import KeyDirectory

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_SLOW: Final = 2.0  # seconds
# The headers by which a proxy says that it forwards a request, or for whom: by their names' beginnings and ends.
_FORWARDED: Final = ("forwarded", "via", "x-forwarded", "x-original-", "x-envoy-", "cf-")
_FORWARDED_FOR: Final = ("client-ip", "real-ip", "clientip")
_log = logging.getLogger("imagegen.api")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessPolicy:
    """Which requests are admitted.

    Attributes:
        keys_required: whether a key is required even if none has ever existed; one that has existed requires one.
        allow_anonymous: admit a request without a key all the same. A key that is sent must be valid.
        on_loopback: whether the service listens on loopback only.
        hosts: names allowed in the Host header, besides localhost and IP addresses; lower case, `*.` is any subdomain.
    """

    keys_required: bool = False
    allow_anonymous: bool = False
    on_loopback: bool = True
    hosts: frozenset[str] = frozenset()

    @property
    def always_requires_key(self) -> bool:
        """Whether no request is admitted without a key, whichever keys there are."""
        return self.keys_required and not self.allow_anonymous

    def allows_host(self, host: str) -> bool:
        """Whether a request may have this Host header.

        A page that rebinds its own name to the service's address still sends that name, so an IP address is as safe as
        localhost.
        """
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
        if name == "localhost" or name.endswith(".localhost") or name in self.hosts or _is_address(name):
            return True
        return any(name.endswith(wild[1:]) for wild in self.hosts if wild.startswith("*."))

    async def caller(self, request: Request, keys: KeyDirectory) -> Caller | None:
        """The caller of a request; None if it is not admitted.

        Raises:
            DatabaseUnavailable: it depends on what MongoDB has not said lately.
        """
        authorization = request.headers.getlist("authorization")
        if any(_is_bearer(header) for header in authorization):
            token = _token(authorization)
            key = await keys.find(token) if token else None
            if key is not None or self.always_requires_key or keys.ever_had_keys:
                return Caller(key) if key is not None else None
        if self.requires_key(keys):
            return None
        return Caller(is_local=self.on_loopback and not self.allow_anonymous and _is_local(request))

    def requires_key(self, keys: KeyDirectory) -> bool:
        """Whether requests without a key are refused at this moment.

        Raises:
            DatabaseUnavailable: it depends on what MongoDB has not said lately.
        """
        return not self.allow_anonymous and (self.keys_required or keys.ever_had_keys)

    def still_admits(self, caller: Caller, keys: KeyDirectory) -> bool:
        """Whether a caller that was admitted still is: its key is valid, and permits no less.

        Raises:
            DatabaseUnavailable: MongoDB has not said so lately.
        """
        return caller.key is None or keys.still_grants(caller.key)


class AuthMiddleware:
    """Refuses requests that `AccessPolicy` does not admit, and puts the `Caller` of the others into their state.

    Every response to a key with rates has them in its headers, but for those of routine requests.
    `origins` are the origins whose pages may call the service from a browser.
    """

    def __init__(self, app: ASGIApp, access: AccessPolicy, origins: Sequence[str] = ()) -> None:
        self._app, self._access, self._origins = app, access, frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        try:
            refusal = await self._refusal(scope)
        except DatabaseUnavailable as error:
            refusal = unavailable(error)
        caller = scope.get("state", {}).get("caller")
        if caller is not None and caller.key is not None:
            if not policy_of(scope).is_routine:  # a poll is answered from memory
                send = sender_with_rates(scope, send)
            if refusal is None:
                recheck = _KeyRecheck(self._access, caller, scope, receive, send)
                receive, send = recheck.receive, recheck.send
        return await (refusal or self._app)(scope, receive, send)

    async def _refusal(self, scope: Scope) -> JSONResponse | None:
        request = Request(scope)
        hosts = request.headers.getlist("host")
        if len(hosts) != 1 or not _allows_host(self._access, hosts[0]):
            return _misdirected()
        policy = policy_of(scope)
        if policy.access is Access.OPEN:
            return None
        caller = await self._access.caller(request, _keys_of(scope))
        if caller is None:
            return _unauthorized(has_key="authorization" in request.headers)
        scope["state"]["caller"] = caller
        if caller.key is None and _is_foreign(request, self._origins):
            return _foreign()
        if policy.scope is not None and policy.scope not in caller.scopes:
            return insufficient_scope(ScopeMissing(policy.scope, caller.scopes))
        return None


class _KeyRecheck:
    """Checks the key again once the body has arrived, and before a slow response.

    It may have expired, or been revoked or changed, in the meantime. A body may take minutes, and nothing of it is done
    for a key that is no longer valid.
    """

    def __init__(self, access: AccessPolicy, caller: Caller, scope: Scope, receive: Receive, send: Send) -> None:
        self._access, self._caller, self._scope, self._receive, self._send = access, caller, scope, receive, send
        self._began, self._is_answered, self._is_refused = uptime(), False, False

    async def receive(self) -> Message:
        """The next part of the body; a disconnection if the key is no longer valid at its end."""
        message = await self._receive()
        is_end = message["type"] == "http.request" and not message.get("more_body", False)
        if is_end and not self._is_answered and not self._is_refused:
            await self._recheck()
        return {"type": "http.disconnect"} if self._is_refused else message

    async def send(self, message: Message) -> None:
        """Send a part of the response, unless the key is no longer valid."""
        if message["type"] == "http.response.start" and uptime() - self._began > _SLOW and not self._is_refused:
            await self._recheck()
        self._is_answered = True
        if not self._is_refused:
            await self._send(message)

    async def _recheck(self) -> None:
        refusal = self._refusal()
        self._is_refused = refusal is not None
        if refusal is not None:
            await refusal(self._scope, self._receive, self._send)

    def _refusal(self) -> JSONResponse | None:
        try:
            is_admitted = self._access.still_admits(self._caller, _keys_of(self._scope))
        except DatabaseUnavailable as error:
            return unavailable(error)
        return None if is_admitted else _unauthorized(has_key=True)


def _keys_of(scope: Scope) -> KeyDirectory:
    return cast("Services", scope["state"]["services"]).keys


def _is_local(request: Request) -> bool:
    """Whether a request to a service on loopback comes from a program of this machine.

    It does not if a proxy forwarded it, or if a page of another origin made a browser send it.
    """
    name = urlsplit(f"//{request.headers['host']}").hostname or ""
    return is_loopback(name) and not _is_forwarded(request) and _is_own_page(request)


def _is_forwarded(request: Request) -> bool:
    """Whether a proxy forwarded the request. nginx says so in no header by default, but uses HTTP/1.0."""
    says_so = any(name.startswith(_FORWARDED) or name.endswith(_FORWARDED_FOR) for name in request.headers)
    return says_so or request.scope.get("http_version") == "1.0"


def _is_foreign(request: Request, origins: frozenset[str]) -> bool:
    """Whether a page of another origin made a browser send a request that changes something.

    Browsers send `Origin` with each such request, and `Sec-Fetch-Site`. Other programs send neither.
    """
    if request.method in _SAFE or "*" in origins or request.headers.get("origin") in origins:
        return False
    return not _is_own_page(request)


def _is_own_page(request: Request) -> bool:
    """Whether a request comes from a page of this service, or from no page."""
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site", "none")
    is_own = origin is None or (origin != "null" and urlsplit(origin).netloc == request.headers["host"])
    return is_own and site in {"none", "same-origin"}


def build_access_policy(settings: Settings, host: str) -> AccessPolicy:
    """The access policy of a service that listens on this host."""
    wanted = settings.auth
    if wanted.allow_anonymous:
        _log.warning(
            "IMAGEGEN_ALLOW_ANONYMOUS: any caller that reaches the port can spend fal credit and read every job"
        )
    return AccessPolicy(
        keys_required=not is_loopback(host) or settings.service.env is Environment.PRODUCTION,
        allow_anonymous=wanted.allow_anonymous,
        on_loopback=is_loopback(host),
        hosts=wanted.host_names | _own_names(settings, host),
    )


def warn_without_keys(access: AccessPolicy, keys: KeyDirectory) -> None:
    """Log how to make the first key, if callers need one and there is none."""
    with suppress(DatabaseUnavailable):
        if access.always_requires_key and not keys.ever_had_keys:
            _log.warning(
                "every request is refused, because there is no API key yet: make one with `imagegen keys add NAME`, or "
                "set IMAGEGEN_BOOTSTRAP_KEY. IMAGEGEN_ALLOW_ANONYMOUS=1 admits any caller that reaches the port"
            )


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
    challenge = f'{REALM}, error="invalid_token"' if has_key else REALM
    fault = "This API key is not valid. Send a valid one" if has_key else "An API key is required. Send it"
    detail = f"{fault} in the header Authorization: Bearer ig_…"
    return problem(HTTPStatus.UNAUTHORIZED, "unauthorized", detail, headers={"WWW-Authenticate": challenge})


def _foreign() -> JSONResponse:
    detail = (
        "A page of another origin sent this request, and this service needs no API key: any page could spend your fal "
        "credit. Add the page's origin to CORS_ORIGINS, or make an API key (`imagegen keys add NAME`)."
    )
    return problem(HTTPStatus.FORBIDDEN, "foreign_origin", detail)


def _misdirected() -> JSONResponse:
    detail = "The Host header is not a name of this service. Use one, or add this one to IMAGEGEN_ALLOWED_HOSTS."
    return problem(HTTPStatus.MISDIRECTED_REQUEST, "misdirected_request", detail)
