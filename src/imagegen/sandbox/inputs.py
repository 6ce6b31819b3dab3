"""Fetches the input images of a request, with one second for all of them."""

import asyncio
import base64
import binascii
import ipaddress
from collections.abc import Sequence
from functools import cached_property
from urllib.parse import unquote_to_bytes

import httpx

from imagegen.sandbox.drawing import InputImage

_SECONDS = 1.0
_MOST_BYTES = 32 * 1024 * 1024
_LONGEST_LABEL = 60


class InputImageFetcher:
    """Fetches input images. With `loopback_only` no other host is contacted, nor is its name resolved."""

    def __init__(self, *, loopback_only: bool) -> None:
        self._loopback_only = loopback_only

    async def fetch(self, urls: Sequence[str]) -> tuple[InputImage, ...]:
        """The images in the order of the URLs; one that cannot be fetched carries the reason."""
        deadline = asyncio.get_running_loop().time() + _SECONDS
        return tuple(await asyncio.gather(*(self._fetch(url, deadline) for url in urls)))

    async def close(self) -> None:
        """Close the connections."""
        if "_client" in self.__dict__:
            await self._client.aclose()

    @cached_property
    def _client(self) -> httpx.AsyncClient:
        # Created at first use, because loading the certificates would slow down the start.
        outside = not self._loopback_only
        return httpx.AsyncClient(follow_redirects=outside, trust_env=outside, timeout=_SECONDS)

    async def _fetch(self, url: str, deadline: float) -> InputImage:
        label = url if len(url) <= _LONGEST_LABEL else url[: _LONGEST_LABEL - 1] + "…"
        if url.startswith("data:"):
            data = await asyncio.to_thread(_inline, url)
            return InputImage(label="a data URI", data=data, reason="not a data URI")
        if not self._allowed(url):
            return InputImage(label=label, data=None, reason="not reachable")
        try:
            async with asyncio.timeout_at(deadline):
                return InputImage(label=label, data=await self._download(url), reason="not an image")
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError):
            return InputImage(label=label, data=None, reason="not reachable")

    async def _download(self, url: str) -> bytes:
        data = bytearray()
        async with self._client.stream("GET", url) as answer:
            answer.raise_for_status()
            async for chunk in answer.aiter_bytes():
                data += chunk
                if len(data) > _MOST_BYTES:
                    raise ValueError("the image is too large")
        return bytes(data)

    def _allowed(self, url: str) -> bool:
        return not self._loopback_only or is_loopback(url)


def is_loopback(url: str) -> bool:
    """Whether a URL names this machine."""
    try:
        host = httpx.URL(url).host
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except (httpx.InvalidURL, ValueError):
        return False


def _inline(uri: str) -> bytes | None:
    header, comma, payload = uri.partition(",")
    if not comma:
        return None
    raw = unquote_to_bytes(payload)
    try:
        return base64.b64decode(raw, validate=True) if header.endswith(";base64") else raw
    except binascii.Error:
        return None
