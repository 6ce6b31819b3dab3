"""A span for each request to S3, by OpenTelemetry's conventions for AWS. Keys name users, so they are left out."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, cast

from imagegen.tracing import span

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

_AT_HOME: Final = frozenset({"generate_presigned_url"})  # computed without a request


def with_spans(client: "S3Client") -> "S3Client":
    """The same client, whose every request is a span of whatever it is made for."""
    return cast("S3Client", _Client(client))


class _Client:
    def __init__(self, client: "S3Client") -> None:
        self._client = client

    def __getattr__(self, name: str) -> object:
        call = getattr(self._client, name)
        made = _spanned(name, call) if callable(call) and name not in _AT_HOME else call
        setattr(self, name, made)  # found without this method the next time
        return made


def _spanned(name: str, call: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    operation = "".join(part.capitalize() for part in name.split("_"))

    async def spanned(**parameters: object) -> Any:
        attributes = {
            "rpc.system": "aws-api",
            "rpc.service": "S3",
            "rpc.method": operation,
            "aws.s3.bucket": str(parameters.get("Bucket", "")),
        }
        with span(f"S3.{operation}", "client", attributes):
            return await call(**parameters)

    return spanned
