"""fal's own file storage: the way to fal for a picture in a bucket that fal cannot reach."""

import asyncio
import json
from datetime import timedelta
from http import HTTPStatus
from typing import Final, TypeVar

import httpx
from pydantic import BaseModel, SecretStr, ValidationError

from imagegen.errors import ProviderAnswer, ProviderRejected, SubmissionNotSent
from imagegen.fal.refusals import read_refusal
from imagegen.fal.transport import NETWORK_FAILURES, timeouts
from imagegen.fal.waiting import Patience, while_not_sent
from imagegen.fal.wording import LONGEST_LINE, Wording

_CDN: Final = "https://v3.fal.media"
_KEPT: Final = json.dumps({"expiration_duration_seconds": int(timedelta(days=1).total_seconds())})
_PASSING: Final = frozenset({408, 425, 429})


class _Token(BaseModel):
    """What fal lends for an upload; the key itself never goes to the upload's host."""

    token: SecretStr
    token_type: str
    base_url: str = _CDN


class _Uploaded(BaseModel):
    access_url: str


_Answer = TypeVar("_Answer", _Token, _Uploaded)


class FalStorage:
    """Uploads for one account: a token from `FAL_REST_URL`, then the bytes to fal's media host.

    Every failure is one before anything was paid for: an upload may be repeated.
    """

    def __init__(self, rest_url: str, key: SecretStr, transport: httpx.AsyncBaseTransport, patience: Patience) -> None:
        self._rest_url, self._key, self._patience = rest_url, key, patience
        self._wording = Wording(key)
        self._http = httpx.AsyncClient(transport=transport, follow_redirects=False, trust_env=False)

    async def upload(self, content: bytes, content_type: str, file_name: str) -> str:
        """Give a file to fal for a day; returns the URL under which fal's models can fetch it.

        Raises:
            SubmissionNotSent: fal's storage cannot be reached, or not used now.
            ProviderRejected: fal refuses the file.
        """

        async def once() -> str:
            return await self._upload(content, content_type, file_name)

        return await while_not_sent(once, self._patience)

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
        if not self._may_have_pictures(token.base_url):
            raise SubmissionNotSent(
                ProviderAnswer(message="fal.ai named a foreign host for an upload; it was not used.")
            )
        return token

    def _may_have_pictures(self, base_url: str) -> bool:
        """fal's own media hosts over https, and the host that `FAL_REST_URL` names."""
        try:
            url, home = httpx.URL(base_url), httpx.URL(self._rest_url)
        except httpx.InvalidURL:
            return False
        is_fals = url.scheme == "https" and (url.host == "fal.media" or url.host.endswith(".fal.media"))
        is_home = (url.scheme, url.host, url.port) == (home.scheme, home.host, home.port)
        return not url.userinfo and (is_fals or is_home)

    async def _post(self, url: str, headers: dict[str, str], content: bytes) -> httpx.Response:
        limit = self._patience.submit
        try:
            async with asyncio.timeout(limit.total_seconds()):
                response = await self._http.post(url, headers=headers, content=content, timeout=timeouts(limit))
        except NETWORK_FAILURES as error:
            reason = self._wording.clean(f"{type(error).__name__}: {error}", LONGEST_LINE)
            raise SubmissionNotSent(ProviderAnswer(message=f"fal.ai's storage cannot be used ({reason}).")) from error
        if response.is_success:
            return response
        refusal = read_refusal(response, self._wording)
        answer = refusal.answer
        if refusal.is_account_trouble:
            raise refusal.as_refusal_to_submit()
        if response.status_code in _PASSING or response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise SubmissionNotSent(answer)
        raise ProviderRejected(answer)

    def _read(self, response: httpx.Response, kind: type[_Answer]) -> _Answer:
        try:
            return kind.model_validate_json(response.content)
        except ValidationError:
            message = "fal.ai's storage gave an answer that cannot be read."
            raise SubmissionNotSent(ProviderAnswer(message=message, status=response.status_code)) from None
