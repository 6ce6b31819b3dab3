"""HTTP with the service: one call over all its repetitions."""

import hashlib
import logging
import os
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import anyio

# sync: import time
import httpx

from imagegen_client._errors import ConnectionFailed, UnexpectedResponse, WaitTimeout, error_from
from imagegen_client._params import Query, authorization
from imagegen_client._retries import Deadline, Retries, is_final, retry_after

_log = logging.getLogger("imagegen_client")
TRANSFER = 120.0
_READ, _STREAM = 30.0, 45.0


class AsyncConnection:
    """A service's address and key, and the connections to it."""

    def __init__(
        self, url: str | None, api_key: str | None, retry_for: float, http_client: httpx.AsyncClient | None
    ) -> None:
        self._url = _checked(url or os.environ.get("IMAGEGEN_URL") or "http://localhost:5000")
        self._authorization = authorization(api_key or os.environ.get("IMAGEGEN_API_KEY"))
        self._retry_for = retry_for
        self._owns_http, self._http = http_client is None, http_client or httpx.AsyncClient()

    @property
    def address(self) -> str:
        """The URL, without a password."""
        parts = urlsplit(self._url)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()

    def absolute(self, link: str) -> str:
        """A link of the service, which is a path of it if the service does not know its own address."""
        return self.address + link if link.startswith("/") else link

    async def aclose(self) -> None:
        """Close the connections, unless they are the caller's."""
        if self._owns_http:
            await self._http.aclose()

    def retries(self) -> Retries:
        """The pauses of one call."""
        return Retries(self._retry_for)

    def headers(self, more: Mapping[str, str]) -> dict[bytes, bytes]:
        """The headers of one call, which all its attempts have."""
        named = {"x-request-id": uuid4().hex, **more}
        return {**{name.encode(): value.encode() for name, value in named.items()}, **self._authorization}

    def stream(self, path: str, headers: Mapping[bytes, bytes]) -> AbstractAsyncContextManager[httpx.Response]:
        """A response whose body arrives line by line."""
        timeout = httpx.Timeout(_READ, read=_STREAM)
        return self._http.stream("GET", self._url + path, headers=dict(headers), timeout=timeout)

    def after_loss(self, retries: Retries, error: httpx.TransportError, headers: Mapping[bytes, bytes]) -> float:
        """Seconds to wait after an attempt that was not answered.

        Raises:
            ConnectionFailed: no time is left, or another attempt cannot help.
        """
        reason = f"{self.address} does not answer: {type(error).__name__}: {error}"
        may_repeat = not is_final(error)
        pause = retries.after_loss() if may_repeat else None
        if pause is None:
            key = headers.get(b"idempotency-key")
            raise ConnectionFailed(
                reason,
                retryable=may_repeat,
                request_id=headers[b"x-request-id"].decode(),
                idempotency_key=key.decode() if key else None,
            ) from error
        if retries.attempts == 1:
            _log.warning("%s. Trying again for %g s.", reason, self._retry_for)
        return pause

    async def pay(self, path: str, key: str | None, body: Mapping[str, Any] | None = None) -> httpx.Response:
        """Send what is paid for: with one idempotency key, over all its repetitions."""
        key = key or uuid4().hex
        return await self.send("POST", path, json=body, headers={"idempotency-key": key, "prefer": "respond-async"})

    async def send(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, Query] | None = None,
        json: object = None,
        files: Any = None,
        read: float = _READ,
        until: Deadline | None = None,
        gone_after_loss: bool = False,
    ) -> httpx.Response:
        """Send a request that may be repeated, until it is answered for good."""
        retries, lost = self.retries(), False
        sent = self.headers(headers or {})
        query = {name: value for name, value in (params or {}).items() if value is not None}
        timeout = httpx.Timeout(_READ, connect=10.0, read=read)
        while True:
            try:
                response = await self._http.request(
                    method, self._url + path, headers=sent, params=query, json=json, files=files, timeout=timeout
                )
            except httpx.TransportError as error:
                pause = self.after_loss(retries, error, sent)
                lost = True
            else:
                is_gone = gone_after_loss and lost and response.status_code == HTTPStatus.GONE
                if response.status_code < HTTPStatus.BAD_REQUEST or is_gone:
                    return response
                pause = retries.after(response)
                if pause is None:
                    raise error_from(response, retry_after(response))
            if until is not None and pause >= until.left:
                raise WaitTimeout("Job or batch", path.rpartition("/")[2])
            await anyio.sleep(pause)

    async def download(self, path: str, sha256: str) -> bytes:
        """An image's bytes, by the link that never dies. The bucket is not sent the API key."""
        retries = self.retries()
        while True:
            response = await self.send("GET", path, read=TRANSFER)
            if response.is_redirect:
                link = str(httpx.URL(self._url + path).join(response.headers["location"]))
                try:
                    response = await self._http.get(link, timeout=TRANSFER)
                except httpx.TransportError as error:
                    pause = retries.after_loss()
                    if pause is None:
                        raise ConnectionFailed(f"The image cannot be read: {type(error).__name__}.") from None
                    await anyio.sleep(pause)
                    continue
            if response.is_success and hashlib.sha256(response.content).hexdigest() == sha256:
                return response.content
            pause = retries.after_loss()
            if pause is None:
                raise UnexpectedResponse(
                    f"The bucket answered with HTTP status {response.status_code}, or other bytes."
                )
            await anyio.sleep(pause)


def _checked(url: str) -> str:
    """The service's URL without a slash at its end.

    Raises:
        ValueError: it is none.
    """
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ValueError(f"The service's URL is wrong: {error}.") from None
    if parts.scheme not in {"http", "https"} or not parts.host:
        raise ValueError("The service's URL is wrong: it has to be one such as http://localhost:5000.")
    return url.rstrip("/")
