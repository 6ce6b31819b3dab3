"""The addresses of fal's queue, and which addresses may receive the key."""

from typing import Final
from urllib.parse import quote

from yarl import URL

from imagegen.jobs import ProviderRequest
from imagegen.net.allowed_hosts import has_userinfo, host_and_port, is_allowed
from imagegen.settings import FalSettings

_DEFAULT_API: Final = FalSettings().api_url
_BACKUPS: Final = {"queue.fal.run": "queue.falrun.com", "queue.falrun.com": "queue.fal.run"}
_NAMESPACES: Final = frozenset({"workflows", "comfy"})
# Outputs come from *.fal.media. Google's bucket host carries fal's samples and older outputs. It is a public host, but
# the key is never sent to a media host, and a paid image that is refused would be lost.
_MEDIA_HOSTS: Final = frozenset({"fal.media", ".fal.media", "storage.googleapis.com"})


class QueueAddress:
    """The origin that requests with the key go to: that of `FAL_QUEUE_URL`.

    The real fal has two over https: queue.fal.run, and queue.falrun.com as its backup. A path in `FAL_QUEUE_URL`, as a
    gateway in front of fal may have, is put before fal's own.
    """

    def __init__(self, queue_url: str) -> None:
        self._home = URL(queue_url)
        self._path = self._home.raw_path.rstrip("/")
        is_fal = self._home.scheme == "https" and host_and_port(self._home) in _BACKUPS
        self._origins = {_origin(URL(f"https://{host}")) for host in _BACKUPS} if is_fal else {_origin(self._home)}
        self._has_backup = is_fal

    @property
    def is_fal(self) -> bool:
        """Whether this is the real fal, and not a gateway or the sandbox."""
        return self._has_backup

    def may_receive_key(self, url: URL) -> bool:
        """Whether the key may be sent to this address."""
        return not has_userinfo(url) and _origin(url) in self._origins

    def url_for_path(self, path: str) -> URL:
        """The address of one of fal's paths (`/fal-ai/flux/dev?…`, already encoded) on this origin."""
        prefix = "" if path.startswith(f"{self._path}/") else self._path
        return URL(f"{self._home.scheme}://{host_and_port(self._home)}{prefix}{path}", encoded=True)

    def backup(self, url: URL) -> URL | None:
        """The same resource on fal's other domain; None if there is no other."""
        other = _BACKUPS.get(url.raw_host or "") if self._has_backup else None
        return url.with_host(other) if other else None

    def request_url(self, given: str | None, endpoint: str, request_id: str, suffix: str = "") -> str:
        """The address to store for a request that fal accepted.

        The one that fal returned is kept if it is on this origin. Otherwise its path is put on this origin, because a
        gateway passes on fal's own addresses. Without a usable path the address is built as fal's clients build it:
        `/{owner}/{app}/requests/{id}{suffix}`.
        """
        url = _parsed(given)
        if url is not None and self.may_receive_key(url):
            return str(url)
        path = url.raw_path_qs if url is not None else ""
        if f"/requests/{request_id}" in path:
            return str(self.url_for_path(path))
        return str(self.url_for_path(f"/{_app(endpoint)}/requests/{quote(request_id, safe='')}{suffix}"))

    def request_with_id(self, endpoint: str, request_id: str) -> ProviderRequest:
        """The addresses of a request of which only the id is known."""
        return ProviderRequest(
            request_id=request_id,
            status_url=self.request_url(None, endpoint, request_id, "/status"),
            response_url=self.request_url(None, endpoint, request_id),
            cancel_url=self.request_url(None, endpoint, request_id, "/cancel"),
        )

    @property
    def media_hosts(self) -> frozenset[str]:
        """Hosts that result images may be fetched from, in the form that `is_allowed` describes."""
        if self._has_backup:
            return _MEDIA_HOSTS
        scheme = "http://" if self._home.scheme == "http" else ""
        return _MEDIA_HOSTS | {f"{scheme}{host_and_port(self._home)}"}

    def is_media(self, url: str) -> bool:
        """Whether result images may be fetched from this URL, by the rules of `media_hosts`."""
        parsed = _parsed(url)
        return parsed is not None and is_allowed(parsed, self.media_hosts)


def _origin(url: URL) -> tuple[str, str | None, int | None]:
    return url.scheme, url.raw_host, url.port


def _parsed(text: str | None) -> URL | None:
    try:
        return URL(text) if text else None
    except ValueError:
        return None


def _app(endpoint: str) -> str:
    """The part of an endpoint id that request addresses keep: owner and app, after a namespace if there is one."""
    parts = endpoint.strip("/").split("/")
    return quote("/".join(parts[: 3 if parts[0] in _NAMESPACES else 2]))


def may_call_platform_api(settings: FalSettings) -> bool:
    """Whether the key may be sent to fal's platform API.

    It may not if `FAL_QUEUE_URL` is a gateway and `FAL_API_URL` is not set, because the key is then the gateway's.
    """
    return QueueAddress(settings.queue_url).is_fal or settings.api_url != _DEFAULT_API
