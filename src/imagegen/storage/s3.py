"""The bucket in S3, and how S3 is: the only file that names aioboto3.

Its errors end here, as ObjectStoreUnavailable with a reason free of secrets.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import urlsplit

import aioboto3  # pyright: ignore[reportMissingTypeStubs] - only its S3 client has stubs; it is cast to them
from aiobotocore.config import AioConfig  # pyright: ignore[reportMissingTypeStubs] - as above
from botocore.exceptions import (  # pyright: ignore[reportMissingTypeStubs] - as above
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    UnseekableStreamError,
)

from imagegen.errors import ObjectStoreRefused, ObjectStoreUnavailable
from imagegen.http import is_loopback
from imagegen.metrics import Metrics
from imagegen.settings import S3Settings
from imagegen.storage.picture_download import Download
from imagegen.storage.s3_measuring import count_requests
from imagegen.storage.s3_spans import with_spans

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

_LONGEST_CHECK: Final = 5.0
_TRUSTED_FOR: Final = 30.0
_DOUBTED_FOR: Final = 1.0
_NO_SUCH_BUCKET: Final = {"NoSuchBucket", "404"}
_REFUSED: Final = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "403"}
_NO_SUCH_KEY: Final = {"NoSuchKey", "404"}
_ALREADY_THERE: Final = {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}


def new_session(settings: S3Settings) -> aioboto3.Session:
    """Read whose keys are used: where none are set, AWS's own chain finds them (profile, container). Blocks."""
    key, secret = settings.access_key_id, settings.secret_access_key
    return aioboto3.Session(
        aws_access_key_id=key.get_secret_value() if key else None,
        aws_secret_access_key=secret.get_secret_value() if secret else None,
        region_name=settings.region,
    )


@asynccontextmanager
async def open_client(
    session: aioboto3.Session, endpoint: str | None, connections: int, metrics: Metrics | None = None
) -> "AsyncGenerator[S3Client]":
    """Make a client in a thread: botocore reads configuration and megabytes of JSON. It connects when first used.

    Its requests are spans of whoever makes them, and the metrics are told of each.
    """
    context = await asyncio.to_thread(_new_client, session, endpoint, connections)
    client = await asyncio.to_thread(asyncio.run, context.__aenter__())
    if metrics is not None:
        count_requests(client, metrics)
    try:
        yield with_spans(client)
    finally:
        await context.__aexit__(None, None, None)


def _new_client(
    session: aioboto3.Session, endpoint: str | None, connections: int
) -> "AbstractAsyncContextManager[S3Client]":
    config = AioConfig(
        signature_version="s3v4",
        # A checksum in advance would need the whole picture; one behind it is not understood by every store.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"payload_signing_enabled": False, "addressing_style": "path" if endpoint else "auto"},
        retries={"mode": "standard", "total_max_attempts": 2},
        connect_timeout=10,
        read_timeout=60,
        max_pool_connections=connections,
        proxies={} if endpoint and is_loopback(urlsplit(endpoint).hostname or "") else None,
    )
    client = session.client("s3", endpoint_url=endpoint, config=config)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - no stubs
    return cast("AbstractAsyncContextManager[S3Client]", client)


class Bucket:
    """The bucket. Every method raises ObjectStoreUnavailable where S3 refuses or does not answer.

    Attributes:
        trouble: what S3 answered when it last could not be used, without its name.
    """

    def __init__(self, client: "S3Client", name: str) -> None:
        self.client, self.name = client, name
        self._probing = asyncio.Lock()
        self._answered = False
        self.trouble = "does not answer"
        self._answered_at = -_TRUSTED_FOR

    async def check(self) -> None:
        """Ask for the bucket, and take no longer than 5 s over it."""
        try:
            async with asyncio.timeout(_LONGEST_CHECK):
                with self.asking():
                    await self.client.head_bucket(Bucket=self.name)
        except TimeoutError as error:
            raise self._unavailable(f"did not answer within {_LONGEST_CHECK:.0f} s") from error

    async def prove(self, key: str, content: bytes) -> None:
        """Write an object and read it again; it stays until it is discarded."""
        with self.asking():
            await self.client.put_object(Bucket=self.name, Key=key, Body=content, ContentType="text/plain")
            answer = await self.client.get_object(Bucket=self.name, Key=key)
            if await answer["Body"].read() != content:  # pyright: ignore[reportUnknownMemberType] - its stub leaves the size open
                raise ObjectStoreUnavailable("does not give back what was stored")

    async def ensure(self) -> None:
        """Make the bucket where there is none: for the local server, whose buckets are nobody else's."""
        with self.asking():
            try:
                await self.client.create_bucket(Bucket=self.name)
            except ClientError as error:
                if _code(error) not in _ALREADY_THERE:
                    raise

    async def available(self) -> bool:
        """Whether S3 can be used: true for 30 s after it answered, unless it failed since; otherwise it is asked."""
        async with self._probing:
            age = time.monotonic() - self._answered_at
            if age > (_TRUSTED_FOR if self._answered else _DOUBTED_FOR):
                with contextlib.suppress(ObjectStoreUnavailable):
                    await self.check()
            return self._answered

    async def has(self, key: str) -> bool:
        """Whether there is such an object."""
        try:
            with self.asking(missing_is_an_answer=True):
                await self.client.head_object(Bucket=self.name, Key=key)
        except ClientError:
            return False
        return True

    @contextmanager
    def asking(
        self, download: Download | None = None, *, says_something: bool = True, missing_is_an_answer: bool = False
    ) -> Generator[None]:
        """Translate what aioboto3 raises, and remember how S3 is.

        Args:
            download: streamed by the request; its own failure is what a broken request is about.
            says_something: whether success means that S3 answered.
            missing_is_an_answer: let the error for an object that is not there through as it is.
        """
        try:
            yield
        except (BotoCoreError, ClientError) as error:
            if missing_is_an_answer and _code(error) in _NO_SUCH_KEY:
                self._note(answered=True)
                raise
            if download is not None and download.failure is not None:
                raise download.failure from None
            raise self._unavailable(_reason(error, self.name), _kind(error)) from error
        if says_something:
            self._note(answered=True)

    def _unavailable(
        self, trouble: str, kind: type[ObjectStoreUnavailable] = ObjectStoreUnavailable
    ) -> ObjectStoreUnavailable:
        self.trouble = trouble
        self._note(answered=False)
        return kind(trouble)

    def _note(self, *, answered: bool) -> None:
        self._answered = answered
        self._answered_at = time.monotonic()


def _code(error: BaseException | None) -> str:
    if not isinstance(error, ClientError):
        return ""
    answer = cast("dict[str, dict[str, str]]", error.response)  # pyright: ignore[reportUnknownMemberType] - no stubs
    return answer.get("Error", {}).get("Code", "")


def _kind(error: BotoCoreError | ClientError) -> type[ObjectStoreUnavailable]:
    refused = _code(error) in _NO_SUCH_BUCKET | _REFUSED
    lacks_key = isinstance(error, NoCredentialsError | PartialCredentialsError)
    return ObjectStoreRefused if refused or lacks_key else ObjectStoreUnavailable


def _reason(error: BotoCoreError | ClientError, bucket: str) -> str:
    """Say what is wrong, in words that hold no address, key or signature."""
    code = _code(error)
    if code in _NO_SUCH_BUCKET:
        return f"has no bucket {bucket!r}"
    if code in _REFUSED:
        return f"refuses access to bucket {bucket!r} ({code})"
    if code:
        return f"answered with an error ({code})"
    if isinstance(error, NoCredentialsError | PartialCredentialsError | CredentialRetrievalError):
        return "cannot be used: there are no AWS credentials"
    if isinstance(error, UnseekableStreamError):
        return "broke off in the middle of an upload"
    return f"cannot be reached ({type(error).__name__})"
