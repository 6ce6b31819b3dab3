"""Which URLs are allowed for webhooks, and which IP addresses may be connected to.

The grammar of URLs is narrower than RFC 3986: only what every parser reads in the same way, so that the checked host is
the called host. The parsers of the HTTP clients (httpx and yarl) must accept the URL too.
"""

import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

import httpx
import yarl

LONGEST_URL: Final = 2048
_LABEL: Final = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST: Final = rf"({_LABEL}(\.{_LABEL})*\.?|\[[0-9A-Fa-f:.]+\])"
URL_PATTERN: Final = rf"^[hH][tT][tT][pP][sS]?://{_HOST}(:[0-9]{{1,5}})?([/?][!-\x22$-~]*)?$"
_URL: Final = re.compile(URL_PATTERN)
_NUMBER: Final = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_LONGEST_NAME: Final = 253
_LARGEST_PORT: Final = 65535
_NAT64: Final = ip_network("64:ff9b::/96")  # RFC 6052: its last 32 bits are an IPv4 address
# Not covered by `ipaddress`: the IETF's whole block, which has Oracle Cloud's metadata service, and Azure's host,
# a public address that only virtual machines reach.
_REFUSED: Final = (ip_network("192.0.0.0/24"), ip_network("168.63.129.16/32"))


def url_fault(url: str) -> str | None:
    """What is wrong with the form of a URL, as the end of a sentence; None if it is valid."""
    if len(url) > LONGEST_URL:
        return f"must have at most {LONGEST_URL} characters"
    if "@" in url.partition("://")[2].partition("/")[0].partition("?")[0]:
        return "must have no user or password before the host"
    if _URL.fullmatch(url) is None or not _is_reachable(url):
        return "must be a URL such as https://example.com/hooks, in ASCII and without a fragment"
    if not _has_a_host(url):
        return "must have a valid host: a name, an IPv4 address of four decimal numbers, or an IPv6 address in brackets"
    return None


def _has_a_host(url: str) -> bool:
    """Whether the host is a name whose labels all decode, or an address in canonical form."""
    try:
        sent = httpx.URL(url)
        hosts = (sent.host, yarl.URL(str(sent)).host)
    except (ValueError, httpx.InvalidURL):  # IDNA errors are ValueErrors
        return False
    name = (urlsplit(url).hostname or "").removesuffix(".")
    if _NUMBER.fullmatch(name.rpartition(".")[2]) is None:
        return all(hosts)
    return "." in name and _is_ipv4(urlsplit(url).hostname or "")


def _is_ipv4(host: str) -> bool:
    try:
        IPv4Address(host)
    except ValueError:
        return False
    return True


def receiver_of(url: str) -> str:
    """Host and port of a webhook, normalized; empty if the text is not a URL. Never raises."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return ""
    return f"{(parts.hostname or '').removesuffix('.')}:{port}"


def _is_reachable(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
        if url.partition("://")[2].startswith("["):
            IPv6Address(parts.hostname or "")
    except ValueError:
        return False
    return len(parts.hostname or "") <= _LONGEST_NAME and (port is None or 0 < port <= _LARGEST_PORT)


def policy_violation(url: str, *, https_only: bool, allow_private: bool) -> str | None:
    """Why a valid URL may not be called, as the end of a sentence; None if it may.

    The addresses of a name are checked when it is called (`is_public`).
    """
    parts = urlsplit(url)
    if https_only and parts.scheme != "https":
        return "must begin with https://"
    if not allow_private and _is_private(parts.hostname or ""):
        return "must not lead to a private address (WEBHOOK_ALLOW_PRIVATE)"
    return None


def _is_private(host: str) -> bool:
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    literal = _literal(name)
    return literal is not None and not is_public(literal)


def _literal(host: str) -> str | None:
    """The IP address that a host is, also in the old forms that `inet_aton` reads: 127.1, 0x7f000001."""
    try:
        return str(ip_address(host))
    except ValueError:
        pass
    try:
        return str(IPv4Address(socket.inet_aton(host)))
    except OSError:
        return None


def is_public(address: str) -> bool:
    """Whether an IP address is public: not private, shared, loopback, link-local or of a metadata service."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address):
        return _is_public_v6(parsed)
    special = parsed.is_multicast or parsed.is_reserved or any(parsed in network for network in _REFUSED)
    return parsed.is_global and not special


def _is_public_v6(address: IPv6Address) -> bool:
    """NAT64 and 6to4 addresses are as public as their IPv4 address; mapped ones (::ffff:…) are refused as useless."""
    if address in _NAT64:
        return is_public(str(IPv4Address(int(address) & 0xFFFFFFFF)))
    if address.sixtofour is not None:
        return is_public(str(address.sixtofour))
    special = address.is_multicast or address.is_reserved or address.is_site_local or address.ipv4_mapped is not None
    return address.is_global and not special and address.teredo is None
