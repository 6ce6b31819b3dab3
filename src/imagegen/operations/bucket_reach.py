"""Who can open links to the bucket: decided by settings, or else by the kind of its host name."""

import ipaddress
from typing import Final
from urllib.parse import urlsplit

from imagegen.net.allowed_hosts import is_loopback
from imagegen.settings import Settings

_PRIVATE_DOMAINS: Final = (".local", ".localhost", ".internal", ".lan", ".home.arpa")


def fal_can_fetch(settings: Settings) -> bool:
    """Whether fal can open links to the bucket: by `S3_PUBLICLY_REACHABLE`, or else by the kind of its host name.

    Only a sandbox on this machine can open links to a bucket on this machine.
    """
    if settings.s3.publicly_reachable is not None:
        return settings.s3.publicly_reachable
    host = _host_of_bucket(settings)
    if host is None or not _is_private(host):
        return True
    return is_loopback(host) and is_loopback(urlsplit(settings.fal.queue_url).hostname or "")


def links_redirect(settings: Settings) -> bool:
    """Whether links to images lead to the bucket: by `IMAGEGEN_LINK_DELIVERY`, or if everybody can open links to it.

    A bucket on this machine is open to this machine only, wherever the service is called from.
    """
    if settings.links.delivery is not None:
        return settings.links.delivery == "redirect"
    if settings.s3.publicly_reachable is not None:
        return settings.s3.publicly_reachable
    host = _host_of_bucket(settings)
    return host is None or not _is_private(host)


def _host_of_bucket(settings: Settings) -> str | None:
    """The host of links to the bucket; None for AWS."""
    address = settings.s3.public_url or settings.s3.presign_endpoint_url or settings.s3.endpoint_url
    return urlsplit(address).hostname or "" if address else None


def _is_private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith(_PRIVATE_DOMAINS)
