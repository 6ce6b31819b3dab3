"""Presigned URLs of objects, made without the overhead of a botocore request.

A page of twenty jobs has twenty URLs or more, each signed anew. The host, path and region that botocore derives from
the settings are taken from a URL that it signed itself within the last minute; the signing algorithm is botocore's too.
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

_TEMPLATE_KEPT: Final = 60.0  # seconds
_ANY_KEY: Final = "key"
PLAIN_S3: Final = "s3"  # the service of a signature for any bucket but a directory bucket


@dataclass(frozen=True, slots=True)
class _UrlTemplate:
    """What all URLs share: everything in front of the key, and the scope of the signature."""

    base: str
    region: str
    service: str
    read_at: float


class UrlSigner:
    """Signs URLs of a bucket's objects. Raises botocore's errors.

    Args:
        client: has the bucket's address.
        session: the client's; it has the credentials, and renews those that expire.
        bucket: its name.
    """

    def __init__(self, client: "S3Client", session: "aioboto3.Session", bucket: str) -> None:
        self._client, self._session, self._bucket = client, session, bucket
        self._template: _UrlTemplate | None = None

    async def sign(self, key: str, expires: timedelta, disposition: str = "", content_type: str = "") -> str:
        """Sign a URL that reads an object.

        Args:
            key: the object's.
            expires: how long the URL works from now on.
            disposition: the Content-Disposition of S3's response; empty for the object's own.
            content_type: its Content-Type; likewise.
        """
        template = await self._current_template()
        if template.service != PLAIN_S3:  # a directory bucket: each of its URLs needs a session
            return await self._sign_by_botocore(key, expires, disposition, content_type)
        wanted = {"response-content-disposition": disposition, "response-content-type": content_type}
        params = {name: value for name, value in wanted.items() if value}
        request = AWSRequest(method="GET", url=template.base + quote(key, safe="/~"), params=params)
        seconds = int(expires.total_seconds())
        signer = S3SigV4QueryAuth(await current_credentials(self._session), template.service, template.region, seconds)
        signer.add_auth(request)  # pyright: ignore[reportUnknownMemberType] - no stubs
        return cast("str", request.url)  # pyright: ignore[reportUnknownMemberType] - no stubs

    async def _current_template(self) -> _UrlTemplate:
        if self._template is None or time.monotonic() > self._template.read_at + _TEMPLATE_KEPT:
            self._template = _template_of(await self._sign_by_botocore(_ANY_KEY, timedelta(minutes=1)))
        return self._template

    async def _sign_by_botocore(
        self, key: str, expires: timedelta, disposition: str = "", content_type: str = ""
    ) -> str:
        wanted = {"ResponseContentDisposition": disposition, "ResponseContentType": content_type}
        more = {name: value for name, value in wanted.items() if value}
        return await self._client.generate_presigned_url(
            "get_object",
            Params={"Bucket": self._bucket, "Key": key, **more},
            ExpiresIn=int(expires.total_seconds()),
        )


def _template_of(url: str) -> _UrlTemplate:
    """The template of a signed URL."""
    parts = urlsplit(url)
    region, service = scope_of(parse_qs(parts.query)["X-Amz-Credential"][0])
    base = f"{parts.scheme}://{parts.netloc}{parts.path.removesuffix(_ANY_KEY)}"
    return _UrlTemplate(base, region, service, time.monotonic())


async def current_credentials(session: "aioboto3.Session") -> object:
    """The session's credentials, renewed if they expire soon; None if there are none."""
    credentials = await cast("Awaitable[AioCredentials | None]", session.get_credentials())
    return await credentials.get_frozen_credentials() if credentials else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - no stubs


def scope_of(credential: str) -> tuple[str, str]:
    """Region and service of a signature's credential: `{access key}/{day}/{region}/{service}/aws4_request`."""
    _, _, region, service, _ = credential.rsplit("/", 4)
    return region, service
