"""Headers that keep browsers from framing the service, guessing media types, and storing jobs."""

from typing import Final

from imagegen.api.http.policies import Caching

SAFE_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
_CACHE_CONTROL: Final = b"cache-control"
_SAFE: Final = tuple((name.lower().encode(), value.encode()) for name, value in SAFE_HEADERS.items())
_ADDED: Final = {
    Caching.NO_STORE: (*_SAFE, (_CACHE_CONTROL, b"no-store")),
    Caching.NO_STORE_BY_DEFAULT: (*_SAFE, (_CACHE_CONTROL, b"no-store")),
    Caching.REVALIDATE: (*_SAFE, (_CACHE_CONTROL, b"no-cache")),
    Caching.AS_SET: _SAFE,
}


def add_security_headers(headers: list[tuple[bytes, bytes]], caching: Caching) -> None:
    """Add the headers that a response has not set itself, and `Cache-Control` as the route's policy declares it."""
    if caching is Caching.NO_STORE:
        headers[:] = [header for header in headers if header[0] != _CACHE_CONTROL]
    given = {name for name, _ in headers}
    headers += [header for header in _ADDED[caching] if header[0] not in given]
