"""The TLS settings of every outgoing connection."""

import ssl
from functools import cache

import httpx


@cache
def tls_context() -> ssl.SSLContext:
    """A context with the authorities that httpx trusts; reading them takes 20 ms each time."""
    return httpx.create_ssl_context()
