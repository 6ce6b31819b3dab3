"""A span for each request to S3, by OpenTelemetry's conventions for AWS. Keys are left out, because they name users."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, cast

from imagegen.observability.tracing import SpanKind, span

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

_LOCAL: Final = frozenset({"generate_presigned_url"})  # computed without a request


def with_spans(client: "S3Client") -> "S3Client":
    """The same client, with a span for every request."""
    return cast("S3Client", _Client(client))


class _Client:
    def __init__(self, client: "S3Client") -> None:
        self._client = client

    def __getattr__(self, name: str) -> object:
        call = getattr(self._client, name)
        wrapped = _spanned(name, call) if callable(call) and name not in _LOCAL else call
        setattr(self, name, wrapped)  # found without this method the next time
        return wrapped


def _spanned(name: str, call: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    operation = "".join(part.capitalize() for part in name.split("_"))

    async def spanned(**parameters: object) -> Any:
        attributes = {
            "rpc.system": "aws-api",
            "rpc.service": "S3",
            "rpc.method": operation,
            "aws.s3.bucket": str(parameters.get("Bucket", "")),
        }
        with span(f"S3.{operation}", SpanKind.CLIENT, attributes):
            return await call(**parameters)

    return spanned
