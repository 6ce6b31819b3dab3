"""Uploads of small images by one signed request, without the overhead of a botocore call.

The client sends the first upload, and one a minute after that. Its request shows the bucket's address, the region and
the headers. The other uploads are built like it, signed by botocore's algorithm with the client's credentials, and sent
over the client's own HTTP session. A response other than a success counts as the client's first attempt: the client
retries, follows redirects, and raises the errors that it always raises.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self, cast
from urllib.parse import quote, urlsplit

from botocore.auth import S3SigV4Auth  # pyright: ignore[reportMissingTypeStubs] - only aioboto3's S3 client has any
from botocore.awsrequest import AWSPreparedRequest, AWSRequest  # pyright: ignore[reportMissingTypeStubs] - as above
from botocore.exceptions import BotoCoreError  # pyright: ignore[reportMissingTypeStubs] - as above

from imagegen.storage.images.metrics import ClientMetrics
from imagegen.storage.images.multipart import WholeBody
from imagegen.storage.images.presign import PLAIN_S3, current_credentials, scope_of

if TYPE_CHECKING:
    import aioboto3  # pyright: ignore[reportMissingTypeStubs] - as above
    from types_aiobotocore_s3 import S3Client

_TEMPLATE_KEPT: Final = 60.0  # seconds
_SUCCESS: Final = 200
_SCHEME: Final = "AWS4-HMAC-SHA256 Credential="
_UNSIGNED: Final = "UNSIGNED-PAYLOAD"
_METADATA: Final = "x-amz-meta-"
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}
# What aioboto3 sends with every upload. A header that is not listed, such as that of a checksum, needs aioboto3.
_OF_THE_OBJECT: Final = {
    "CacheControl": "cache-control",
    "ContentDisposition": "content-disposition",
    "ContentLength": "content-length",
}
_OF_THE_CLIENT: Final = {
    "content-type",
    "user-agent",
    "expect",
    "authorization",
    "x-amz-date",
    "x-amz-content-sha256",
    "x-amz-security-token",
    "amz-sdk-invocation-id",
    "amz-sdk-request",
}
_USUAL: Final = {*_OF_THE_OBJECT.values(), *_OF_THE_CLIENT}


def with_direct_puts(client: "S3Client", session: "aioboto3.Session", metrics: ClientMetrics | None) -> "S3Client":
    """The same client, whose `put_object` sends a WholeBody without the overhead of a call."""
    return cast("S3Client", _Client(client, session, metrics))


@dataclass(frozen=True, slots=True)
class _Template:
    """What all uploads to a bucket share: the URL in front of the key, and the scope of the signature."""

    bucket: str
    base: str
    host: str
    region: str
    user_agent: str
    read_at: float

    @classmethod
    def of(cls, request: Any, bucket: str, key: str) -> Self | None:
        """The template of a request that aioboto3 sent; None if only aioboto3 can send the next one."""
        headers = {name.lower(): _text(value) for name, value in request.headers.items()}
        credential = headers.get("authorization", "").partition(",")[0]
        unusual = [name for name in headers if name not in _USUAL and not name.startswith(_METADATA)]
        path = quote(key, safe="/~")
        if unusual or not request.url.endswith(f"/{path}") or not credential.startswith(_SCHEME):
            return None
        region, service = scope_of(credential.removeprefix(_SCHEME))
        if service != PLAIN_S3 or headers.get("x-amz-content-sha256") != _UNSIGNED:
            return None
        base = request.url.removesuffix(path)
        return cls(bucket, base, _host(base), region, headers.get("user-agent", ""), time.monotonic())

    def is_for(self, bucket: str) -> bool:
        """Whether it is of this bucket, and recent."""
        return self.bucket == bucket and time.monotonic() < self.read_at + _TEMPLATE_KEPT


class _Client:
    def __init__(self, client: "S3Client", session: "aioboto3.Session", metrics: ClientMetrics | None) -> None:
        self._client, self._session, self._metrics = client, session, metrics
        self._http: Any = client._endpoint.http_session  # noqa: SLF001 # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportPrivateUsage] - no other name leads to it
        self._template: _Template | None = None
        client.meta.events.register("before-send.s3.PutObject", _replay)  # pyright: ignore[reportUnknownMemberType] - no stubs

    def __getattr__(self, name: str) -> object:
        value = getattr(self._client, name)
        setattr(self, name, value)  # found without this method the next time
        return value

    async def put_object(self, **parameters: Any) -> object:
        """Upload an object; takes the same parameters as aioboto3's."""
        body, template = parameters["Body"], self._template
        if not isinstance(body, WholeBody):
            return await self._client.put_object(**parameters)
        if template is not None and template.is_for(parameters["Bucket"]):
            body.first_attempt = await self._send(template, body, parameters)
            if body.first_attempt is None:
                return {}
        self._template = None
        response = await self._client.put_object(**parameters)
        self._template = _Template.of(body.sent, parameters["Bucket"], parameters["Key"])
        return response

    async def _send(self, template: _Template, body: WholeBody, parameters: Mapping[str, Any]) -> object | None:
        """Send one request; returns a response or an error that aioboto3 decides on, and None after a success."""
        try:
            response = await self._http.send(await self._prepare(template, body, parameters))
        except BotoCoreError as error:
            return error
        if response.status_code != _SUCCESS or await response.content:
            return response
        if self._metrics is not None:
            self._metrics.succeeded("PutObject", body.began_at)
        return None

    async def _prepare(self, template: _Template, body: WholeBody, parameters: Mapping[str, Any]) -> AWSPreparedRequest:
        request: Any = AWSRequest(
            method="PUT",
            url=template.base + quote(parameters["Key"], safe="/~"),
            headers=_signed_headers(template, parameters),
        )
        request.context["client_config"] = self._client.meta.config
        credentials = await current_credentials(self._session)
        S3SigV4Auth(credentials, PLAIN_S3, template.region).add_auth(request)  # pyright: ignore[reportUnknownMemberType] - no stubs
        headers = {**_unsigned_headers(template, parameters), **dict(request.headers.items())}
        return AWSPreparedRequest("PUT", request.url, headers, body.content, stream_output=False)


def _replay(request: Any, **_: object) -> object | None:
    """Give aioboto3 the outcome of the request that was already sent, in place of its first attempt."""
    body = request.body
    if not isinstance(body, WholeBody):
        return None
    body.sent = request
    outcome, body.first_attempt = body.first_attempt, None
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _signed_headers(template: _Template, parameters: Mapping[str, Any]) -> dict[str, str]:
    """Headers that S3 requires in the signature; signing takes longer with each."""
    metadata: Mapping[str, str] = parameters.get("Metadata", {})
    return {
        "host": template.host,
        "content-type": parameters["ContentType"],
        **{f"{_METADATA}{name}": value for name, value in metadata.items()},
    }


def _unsigned_headers(template: _Template, parameters: Mapping[str, Any]) -> dict[str, str]:
    found = {header: str(parameters[name]) for name, header in _OF_THE_OBJECT.items() if name in parameters}
    return {"user-agent": template.user_agent, **found}


def _host(url: str) -> str:
    parts = urlsplit(url)
    return parts.netloc.removesuffix(_DEFAULT_PORTS[parts.scheme])


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
