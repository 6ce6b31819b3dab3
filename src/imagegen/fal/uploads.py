"""fal's own file storage, for input images in a bucket that fal cannot reach."""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from http import HTTPStatus
from typing import Final, TypeVar

from pydantic import BaseModel, SecretStr, ValidationError
from yarl import URL

from imagegen.errors import ProviderAnswer, ProviderRejected, SubmissionNotSent
from imagegen.fal.error_responses import read_error_response
from imagegen.fal.sanitize import LONGEST_LINE, Sanitizer
from imagegen.fal.sender import NETWORK_FAILURES
from imagegen.fal.timeouts import FalTimeouts
from imagegen.net.allowed_hosts import has_userinfo
from imagegen.net.http import MAX_ERROR_BYTES, Request, Response, Sender, client_timeout, fetch

_CDN: Final = "https://v3.fal.media"
_KEPT: Final = json.dumps({"expiration_duration_seconds": int(timedelta(days=1).total_seconds())})
_TRANSIENT_STATUSES: Final = frozenset({408, 425, 429})
_log = logging.getLogger("imagegen.fal")
T = TypeVar("T")


class _Token(BaseModel):
    """A token for one upload; the key itself never goes to the upload's host."""

    token: SecretStr
    token_type: str
    base_url: str = _CDN


class _Uploaded(BaseModel):
    access_url: str


_Body = TypeVar("_Body", _Token, _Uploaded)


class FalStorage:
    """Uploads files for one account: a token from `FAL_REST_URL`, then the bytes to fal's media host.

    An upload costs nothing, so it may be repeated after any failure.
    """

    def __init__(self, rest_url: str, key: SecretStr, sender: Sender, timeouts: FalTimeouts) -> None:
        self._rest_url, self._key, self._timeouts = rest_url, key, timeouts
        self._sanitizer = Sanitizer(key)
        self._sender = sender

    async def upload(self, content: bytes, content_type: str, file_name: str) -> str:
        """Upload a file that fal keeps for a day.

        Returns:
            The URL that fal's models can fetch it from.

        Raises:
            SubmissionNotSent: fal's storage cannot be reached, or not used now.
            ProviderRejected: fal refuses the file.
        """

        async def once() -> str:
            return await self._upload(content, content_type, file_name)

        return await retry_unsent(once, self._timeouts)

    async def _upload(self, content: bytes, content_type: str, file_name: str) -> str:
        token = await self._token()
        headers = {
            "Authorization": f"{token.token_type} {token.token.get_secret_value()}",
            "Content-Type": content_type,
            "X-Fal-File-Name": file_name,
            "X-Fal-Object-Lifecycle": _KEPT,
        }
        response = await self._post(f"{token.base_url.rstrip('/')}/files/upload", headers, content)
        return self._read(response, _Uploaded).access_url

    async def _token(self) -> _Token:
        headers = {"Authorization": f"Key {self._key.get_secret_value()}", "Content-Type": "application/json"}
        response = await self._post(f"{self._rest_url}/storage/auth/token?storage_type=fal-cdn-v3", headers, b"{}")
        token = self._read(response, _Token)
        if not self._may_receive_images(token.base_url):
            raise SubmissionNotSent(
                ProviderAnswer(message="fal.ai named a foreign host for an upload, which was not used.")
            )
        return token

    def _may_receive_images(self, base_url: str) -> bool:
        """Whether this is one of fal's media hosts over https, or the host of `FAL_REST_URL`."""
        try:
            url, home = URL(base_url), URL(self._rest_url)
        except ValueError:
            return False
        host = url.raw_host or ""
        is_fals = url.scheme == "https" and (host == "fal.media" or host.endswith(".fal.media"))
        is_home = (url.scheme, host, url.port) == (home.scheme, home.raw_host, home.port)
        return not has_userinfo(url) and (is_fals or is_home)

    async def _post(self, url: str, headers: dict[str, str], content: bytes) -> Response:
        limit = self._timeouts.submit
        timeout = client_timeout(limit)
        try:
            request = Request(method="POST", url=URL(url), headers=headers, content=content, timeout=timeout)
            response = await fetch(self._sender, request, limit, MAX_ERROR_BYTES)
        except NETWORK_FAILURES as error:
            reason = self._sanitizer.clean(f"{type(error).__name__}: {error}", LONGEST_LINE)
            raise SubmissionNotSent(ProviderAnswer(message=f"fal.ai's storage cannot be used ({reason}).")) from error
        if response.is_success:
            return response
        error = read_error_response(response, self._sanitizer)
        if error.is_account_trouble:
            raise error.as_submit_error()
        if response.status_code in _TRANSIENT_STATUSES or response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise SubmissionNotSent(error.answer)
        raise ProviderRejected(error.answer)

    def _read(self, response: Response, kind: type[_Body]) -> _Body:
        try:
            return kind.model_validate_json(response.content)
        except ValidationError:
            message = "fal.ai's storage returned a response that cannot be read."
            raise SubmissionNotSent(ProviderAnswer(message=message, status=response.status_code)) from None


async def retry_unsent(post: Callable[[], Awaitable[T]], timeouts: FalTimeouts) -> T:
    """Repeat a POST that certainly was not sent: `submit_attempts` times, within `submit_retry_window`.

    Raises:
        SubmissionNotSent: attempts or time are used up, or fal asks to wait for longer.
    """
    ends = time.monotonic() + timeouts.submit_retry_window.total_seconds()
    for failures in range(1, timeouts.submit_attempts):
        try:
            return await post()
        except SubmissionNotSent as error:
            rest = max(timeouts.submit_pause(failures), error.retry_after or timedelta(0)).total_seconds()
            if time.monotonic() + rest > ends:
                raise
            _log.info("fal.ai has not got the request (%s); again in %.1f s", error, rest)
        await asyncio.sleep(rest)
    return await post()
