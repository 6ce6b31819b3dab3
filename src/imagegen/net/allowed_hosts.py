"""Matching a URL against a list of allowed hosts, and recognizing this machine's own."""

import ipaddress
from collections.abc import Set as AbstractSet

from yarl import URL


def is_allowed(url: URL, hosts: AbstractSet[str]) -> bool:
    """Whether a URL's host is allowed. A URL with a user name or a password is not.

    Args:
        url: parsed by the parser that makes the request, because two parsers may disagree about the host.
        hosts: `host[:port]` exactly as in the URL, or `.host` for all its subdomains. An entry allows https, or plain
            http if it begins with `http://`.
    """
    host = host_and_port(url)
    names = {host, *(host[at:] for at, character in enumerate(host) if at and character == ".")}
    prefix = {"https": "", "http": "http://"}.get(url.scheme)
    return not has_userinfo(url) and prefix is not None and any(prefix + name in hosts for name in names)


def host_and_port(url: URL) -> str:
    """`host[:port]` of a URL, without the scheme's own port; empty if there is no host."""
    return url.host_port_subcomponent or ""


def has_userinfo(url: URL) -> bool:
    """Whether a URL has a user name or a password."""
    return url.raw_user is not None or url.raw_password is not None


def is_loopback(host: str) -> bool:
    """Whether the host is this machine itself: `localhost`, 127.0.0.0/8 or ::1."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
