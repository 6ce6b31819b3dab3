"""Links to objects, signed without all that botocore runs through for a request.

A page of twenty jobs has twenty links or more, each signed afresh. What botocore makes of the settings (host, path,
region) is read off a link that it made itself a minute ago at most; the signer is its own as well.
"""

import time
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import parse_qs, quote, urlsplit

from botocore.auth import S3SigV4QueryAuth  # pyright: ignore[reportMissingTypeStubs] - only aioboto3's S3 client has any
from botocore.awsrequest import AWSRequest  # pyright: ignore[reportMissingTypeStubs] - as above

if TYPE_CHECKING:
    import aioboto3  # pyright: ignore[reportMissingTypeStubs] - as above
    from aiobotocore.credentials import AioCredentials  # pyright: ignore[reportMissingTypeStubs] - as above
    from types_aiobotocore_s3 import S3Client

_READ_AGAIN_AFTER: Final = 60.0
_ANY_KEY: Final = "key"
_PLAIN_S3: Final = "s3"


@dataclass(frozen=True, slots=True)
class _Form:
    """What links have in common: all in front of the key, and what is signed for."""

    base: str
    region: str
    service: str
    read_at: float


class Links:
    """Signs links to a bucket's objects. Raises botocore's errors.

    Args:
        client: knows where the bucket is.
        session: the client's; it has the credentials, and renews those that expire.
        bucket: its name.
    """

    def __init__(self, client: "S3Client", session: "aioboto3.Session", bucket: str) -> None:
        self._client, self._session, self._bucket = client, session, bucket
        self._form: _Form | None = None

    async def signed(self, key: str, expires: timedelta, disposition: str = "") -> str:
        """Link to an object.

        Args:
            key: the object's.
            expires: how long the link works from now on.
            disposition: the Content-Disposition that S3 answers with; empty for the object's own.
        """
        form = await self._current_form()
        if form.service != _PLAIN_S3:  # a directory bucket: each of its links needs a session
            return await self._by_botocore(key, expires, disposition)
        params = {"response-content-disposition": disposition} if disposition else {}
        request = AWSRequest(method="GET", url=form.base + quote(key, safe="/~"), params=params)
        signer = S3SigV4QueryAuth(await self._key(), form.service, form.region, int(expires.total_seconds()))
        signer.add_auth(request)  # pyright: ignore[reportUnknownMemberType] - no stubs
        return cast("str", request.url)  # pyright: ignore[reportUnknownMemberType] - no stubs

    async def _key(self) -> object:
        credentials = await cast("Awaitable[AioCredentials | None]", self._session.get_credentials())
        return await credentials.get_frozen_credentials() if credentials else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - no stubs

    async def _current_form(self) -> _Form:
        if self._form is None or time.monotonic() > self._form.read_at + _READ_AGAIN_AFTER:
            self._form = _form_of(await self._by_botocore(_ANY_KEY, timedelta(minutes=1)))
        return self._form

    async def _by_botocore(self, key: str, expires: timedelta, disposition: str = "") -> str:
        more = {"ResponseContentDisposition": disposition} if disposition else {}
        return await self._client.generate_presigned_url(
            "get_object",
            Params={"Bucket": self._bucket, "Key": key, **more},
            ExpiresIn=int(expires.total_seconds()),
        )


def _form_of(link: str) -> _Form:
    """Take a link apart; its X-Amz-Credential is `{access key}/{day}/{region}/{service}/aws4_request`."""
    parts = urlsplit(link)
    scope = parse_qs(parts.query)["X-Amz-Credential"][0]
    _, _, region, service, _ = scope.rsplit("/", 4)
    base = f"{parts.scheme}://{parts.netloc}{parts.path.removesuffix(_ANY_KEY)}"
    return _Form(base, region, service, time.monotonic())
