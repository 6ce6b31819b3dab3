"""The bucket in S3, its availability, and the only file that imports aioboto3.

aioboto3's errors are raised from here as ObjectStoreUnavailable, with a reason that holds no secret.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from functools import cache
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import urlsplit

import aioboto3  # pyright: ignore[reportMissingTypeStubs] - only its S3 client has stubs; it is cast to them
from aiobotocore.config import AioConfig  # pyright: ignore[reportMissingTypeStubs] - as above
from aiobotocore.session import AioSession  # pyright: ignore[reportMissingTypeStubs] - as above
from botocore.exceptions import (  # pyright: ignore[reportMissingTypeStubs] - as above
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    UnseekableStreamError,
)
from botocore.loaders import (  # pyright: ignore[reportMissingTypeStubs] - as above
    Loader,
    create_loader,  # pyright: ignore[reportUnknownVariableType] - no stubs
)

from imagegen.errors import ImageGone, ObjectStoreRefused, ObjectStoreUnavailable
from imagegen.net.allowed_hosts import is_loopback
from imagegen.observability.metrics import Metrics
from imagegen.settings import S3Settings
from imagegen.storage.images.direct_put import with_direct_puts
from imagegen.storage.images.download import Download
from imagegen.storage.images.metrics import ClientMetrics
from imagegen.storage.images.spans import with_spans

if TYPE_CHECKING:
    from aiobotocore.response import StreamingBody  # pyright: ignore[reportMissingTypeStubs] - as above
    from types_aiobotocore_s3 import S3Client

_CHECK_LIMIT: Final = 5.0  # seconds
_SUCCESS_KEPT: Final = 30.0  # seconds for which a response counts as availability
_FAILURE_KEPT: Final = 1.0  # seconds for which a failure counts as unavailability
_NO_SUCH_BUCKET: Final = {"NoSuchBucket", "404"}
_REFUSED: Final = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "403"}
_NO_SUCH_KEY: Final = {"NoSuchKey", "404"}
_ALREADY_THERE: Final = {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}


def new_session(settings: S3Settings) -> aioboto3.Session:
    """A session with the configured keys; if none are set, AWS's own chain finds them (profile, container). Blocks."""
    key, secret = settings.access_key_id, settings.secret_access_key
    core = AioSession()
    session = aioboto3.Session(
        aws_access_key_id=key.get_secret_value() if key else None,
        aws_secret_access_key=secret.get_secret_value() if secret else None,
        region_name=settings.region,
        botocore_session=core,
    )
    loader = _data_loader(cast("str | None", core.get_config_variable("data_path")))  # pyright: ignore[reportUnknownMemberType] - no stubs
    core.register_component("data_loader", loader)  # pyright: ignore[reportUnknownMemberType] - no stubs
    return session


@cache
def _data_loader(data_path: str | None) -> Loader:
    """What botocore knows of S3, read once per process: megabytes of JSON, among thousands of directories."""
    return create_loader(data_path)


@asynccontextmanager
async def open_client(
    session: aioboto3.Session, endpoint: str | None, connections: int, metrics: Metrics | None = None
) -> "AsyncGenerator[S3Client]":
    """Create a client, in a thread because botocore reads megabytes of JSON. It connects when it is first used.

    Every request is a span, and is recorded in the metrics.
    """
    context = await asyncio.to_thread(_new_client, session, endpoint, connections)
    client = await asyncio.to_thread(asyncio.run, context.__aenter__())
    recorded = ClientMetrics(client, metrics) if metrics is not None else None
    try:
        yield with_spans(with_direct_puts(client, session, recorded))
    finally:
        await context.__aexit__(None, None, None)


def _new_client(
    session: aioboto3.Session, endpoint: str | None, connections: int
) -> "AbstractAsyncContextManager[S3Client]":
    config = AioConfig(
        signature_version="s3v4",
        # A checksum in advance would need the whole image, and not every store supports one behind the body.
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
    """The bucket. Every method raises ObjectStoreUnavailable if S3 refuses or does not respond.

    Attributes:
        client: for requests of other files, inside `translate_errors`.
        name: the bucket's.
        problem: why S3 could not be used the last time, as the predicate of a sentence about S3.
    """

    def __init__(self, client: "S3Client", name: str) -> None:
        self.client, self.name = client, name
        self._probing = asyncio.Lock()
        self._is_available = False
        self.problem = "does not answer"
        self._recorded_at = -_SUCCESS_KEPT

    async def check(self) -> None:
        """Request the bucket, for at most 5 s."""
        try:
            async with asyncio.timeout(_CHECK_LIMIT):
                with self.translate_errors():
                    await self.client.head_bucket(Bucket=self.name)
        except TimeoutError as error:
            raise self._unavailable(f"did not answer within {_CHECK_LIMIT:.0f} s") from error

    async def check_read_write(self, key: str, content: bytes) -> None:
        """Write an object and read it back. It is not deleted."""
        with self.translate_errors():
            await self.client.put_object(Bucket=self.name, Key=key, Body=content, ContentType="text/plain")
            response = await self.client.get_object(Bucket=self.name, Key=key)
            if await response["Body"].read() != content:  # pyright: ignore[reportUnknownMemberType] - its stub leaves the size open
                raise ObjectStoreUnavailable("does not return what was stored")

    async def create_if_missing(self) -> None:
        """Create the bucket if it does not exist: only at the local server, where no other account has it."""
        with self.translate_errors():
            try:
                await self.client.create_bucket(Bucket=self.name)
            except ClientError as error:
                if _code(error) not in _ALREADY_THERE:
                    raise

    async def is_available(self) -> bool:
        """Whether S3 can be used. A success counts for 30 s and a failure for 1 s; then S3 is checked again."""
        async with self._probing:
            age = time.monotonic() - self._recorded_at
            if age > (_SUCCESS_KEPT if self._is_available else _FAILURE_KEPT):
                with contextlib.suppress(ObjectStoreUnavailable):
                    await self.check()
            return self._is_available

    async def open_object(self, client: "S3Client", key: str, first: int, last: int) -> "StreamingBody":
        """The bytes `first` to `last` of an object, over the connections of this client.

        Raises:
            ImageGone: no object has this key.
        """
        try:
            with self.translate_errors(pass_missing=True):
                response = await client.get_object(Bucket=self.name, Key=key, Range=f"bytes={first}-{last}")
        except ClientError:
            raise ImageGone from None
        return response["Body"]

    async def exists(self, key: str) -> bool:
        """Whether an object has this key."""
        try:
            with self.translate_errors(pass_missing=True):
                await self.client.head_object(Bucket=self.name, Key=key)
        except ClientError:
            return False
        return True

    @contextmanager
    def translate_errors(
        self, download: Download | None = None, *, proves_available: bool = True, pass_missing: bool = False
    ) -> Generator[None]:
        """Translate aioboto3's errors inside the block, and record whether S3 is available.

        Args:
            download: streamed by the request; if it failed, its failure is raised, because it broke the request.
            proves_available: whether success means that S3 responded.
            pass_missing: raise the error for a missing object as it is.
        """
        try:
            yield
        except (BotoCoreError, ClientError) as error:
            if pass_missing and _code(error) in _NO_SUCH_KEY:
                self._record(is_available=True)
                raise
            if download is not None and download.failure is not None:
                raise download.failure from None
            raise self._unavailable(_reason(error, self.name), _kind(error)) from error
        if proves_available:
            self._record(is_available=True)

    def _unavailable(
        self, problem: str, kind: type[ObjectStoreUnavailable] = ObjectStoreUnavailable
    ) -> ObjectStoreUnavailable:
        self.problem = problem
        self._record(is_available=False)
        return kind(problem)

    def _record(self, *, is_available: bool) -> None:
        self._is_available = is_available
        self._recorded_at = time.monotonic()


def _code(error: BaseException | None) -> str:
    if not isinstance(error, ClientError):
        return ""
    response = cast("dict[str, dict[str, str]]", error.response)  # pyright: ignore[reportUnknownMemberType] - no stubs
    return response.get("Error", {}).get("Code", "")


def _kind(error: BotoCoreError | ClientError) -> type[ObjectStoreUnavailable]:
    refused = _code(error) in _NO_SUCH_BUCKET | _REFUSED
    lacks_key = isinstance(error, NoCredentialsError | PartialCredentialsError)
    return ObjectStoreRefused if refused or lacks_key else ObjectStoreUnavailable


def _reason(error: BotoCoreError | ClientError, bucket: str) -> str:
    """What is wrong, without an address, key or signature."""
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
