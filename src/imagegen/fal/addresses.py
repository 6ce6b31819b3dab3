"""Where fal's queue lives, and which addresses may be given the key."""

from typing import Final
from urllib.parse import quote

import httpx

from imagegen.jobs import ProviderRequest
from imagegen.settings import FalSettings

_DEFAULT_API: Final = FalSettings().api_url
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_BACKUPS: Final = {"queue.fal.run": "queue.falrun.com", "queue.falrun.com": "queue.fal.run"}
_NAMESPACES: Final = frozenset({"workflows", "comfy"})
# Outputs come from *.fal.media. Google's bucket host carries fal's samples and older outputs; it is a public host, the
# key is never sent to a media host, and a paid picture that is refused would be lost.
_MEDIA_HOSTS: Final = frozenset({"fal.media", ".fal.media", "storage.googleapis.com"})


class QueueAddress:
    """The one origin that requests with the key go to: that of `FAL_QUEUE_URL`.

    The real fal has two (queue.fal.run, and queue.falrun.com for when the first cannot be reached), both over https.
    A path in `FAL_QUEUE_URL` (a gateway in front of fal) is put before fal's own.
    """

    def __init__(self, queue_url: str) -> None:
        self._home = httpx.URL(queue_url)
        self._path = self._home.raw_path.decode("ascii").rstrip("/")
        is_fal = self._home.scheme == "https" and self._home.port is None and self._home.host in _BACKUPS
        self._origins = {("https", host, 443) for host in _BACKUPS} if is_fal else {_origin(self._home)}
        self._has_backup = is_fal

    @property
    def is_fals_own(self) -> bool:
        """Whether this is the real fal, and not a gateway or a stand-in."""
        return self._has_backup

    def owns(self, url: httpx.URL) -> bool:
        """Whether the key may be sent to this address."""
        return not url.userinfo and _origin(url) in self._origins

    def at_home(self, path: str) -> httpx.URL:
        """The address of one of fal's paths (`/fal-ai/flux/dev?…`, already encoded) on our own origin."""
        prefix = "" if path.startswith(f"{self._path}/") else self._path
        return self._home.copy_with(raw_path=f"{prefix}{path}".encode("ascii"))

    def backup(self, url: httpx.URL) -> httpx.URL | None:
        """The same resource on fal's other domain; None where there is no other."""
        return url.copy_with(host=_BACKUPS[url.host]) if self._has_backup and url.host in _BACKUPS else None

    def of_request(self, given: str | None, endpoint: str, request_id: str, suffix: str = "") -> str:
        """The address to store for a request that fal accepted.

        What fal gave is kept as it is if it is on our own origin. Otherwise its path is moved to our own origin (a
        gateway passes fal's own addresses on), and without a usable path it is built as fal's clients build it:
        `/{owner}/{app}/requests/{id}{suffix}`.
        """
        url = _parsed(given)
        if url is not None and self.owns(url):
            return str(url)
        path = url.raw_path.decode("ascii") if url is not None else ""
        if f"/requests/{request_id}" in path:
            return str(self.at_home(path))
        return str(self.at_home(f"/{_app(endpoint)}/requests/{quote(request_id, safe='')}{suffix}"))

    def adopted(self, endpoint: str, request_id: str) -> ProviderRequest:
        """The addresses of a request whose id is all that is known."""
        return ProviderRequest(
            request_id=request_id,
            status_url=self.of_request(None, endpoint, request_id, "/status"),
            response_url=self.of_request(None, endpoint, request_id),
            cancel_url=self.of_request(None, endpoint, request_id, "/cancel"),
        )

    @property
    def media_hosts(self) -> frozenset[str]:
        """Where result pictures may be fetched: `host[:port]` as in a URL, or `.host` for every host below it.

        Over https, unless the entry begins with `http://`: then over plain http.
        """
        if self._has_backup:
            return _MEDIA_HOSTS
        scheme = "http://" if self._home.scheme == "http" else ""
        return _MEDIA_HOSTS | {f"{scheme}{self._home.netloc.decode('ascii')}"}

    def is_media(self, url: str) -> bool:
        """Whether result pictures may be fetched from this URL, by the rules of `media_hosts`."""
        parsed = _parsed(url)
        if parsed is None or parsed.userinfo or parsed.scheme not in _DEFAULT_PORTS:
            return False
        host = parsed.netloc.decode("ascii")
        names = {host, *(host[at:] for at, character in enumerate(host) if at and character == ".")}
        prefix = "http://" if parsed.scheme == "http" else ""
        return not self.media_hosts.isdisjoint(prefix + name for name in names)


def _origin(url: httpx.URL) -> tuple[str, str, int]:
    return url.scheme, url.host, url.port or _DEFAULT_PORTS.get(url.scheme, 0)


def _parsed(text: str | None) -> httpx.URL | None:
    try:
        return httpx.URL(text) if text else None
    except httpx.InvalidURL:
        return None


def _app(endpoint: str) -> str:
    """The part of an endpoint that request addresses keep: owner and app, after a namespace where there is one."""
    parts = endpoint.strip("/").split("/")
    return quote("/".join(parts[: 3 if parts[0] in _NAMESPACES else 2]))


def may_ask_platform(settings: FalSettings) -> bool:
    """Whether the key may be sent to fal's platform API.

    Not where the queue is a gateway and no platform API was named beside it: the key is then the gateway's.
    """
    return QueueAddress(settings.queue_url).is_fals_own or settings.api_url != _DEFAULT_API
