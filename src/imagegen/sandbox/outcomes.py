"""The outcome of a request: what its result call answers, a success or one of fal's two forms of errors."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, JsonValue

from imagegen.sandbox.violations import entry


class RequestOutcome(BaseModel):
    """The outcome of a request.

    Attributes:
        status: HTTP status of the result call.
        body: its JSON body. Image URLs in it are paths; the host is added when the result is read.
        headers: its extra headers.
        error: fal's one-line error; None for a success.
        error_type: fal's error type.
        billable_units: what fal bills; None if it bills nothing.
    """

    model_config = ConfigDict(frozen=True)

    status: int = 200
    body: JsonValue
    headers: dict[str, str] = {}
    error: str | None = None
    error_type: str | None = None
    billable_units: int | None = None


def model_error(status: int, detail: Sequence[JsonValue], *, needs_retry: bool = False) -> RequestOutcome:
    """An error of the model: `{"detail": [{loc, msg, type, url}, …]}`."""
    first = detail[0] if detail else None
    return RequestOutcome(
        status=status,
        body={"detail": list(detail)},
        headers={"X-Fal-Needs-Retry": "1" if needs_retry else "0"},
        error=f"Invalid status code: {status}",
        error_type=str(first.get("type")) if isinstance(first, dict) else None,
    )


def infrastructure_error(status: int, error_type: str, message: str) -> RequestOutcome:
    """An error of fal's infrastructure: `{"detail": text, "error_type": …}` and a header."""
    return RequestOutcome(
        status=status,
        body={"detail": message, "error_type": error_type},
        headers={"X-Fal-Error-Type": error_type},
        error=message,
        error_type=error_type,
    )


def cancelled() -> RequestOutcome:
    """The client cancelled: the request is COMPLETED, and its result answers 499."""
    return infrastructure_error(499, "client_cancelled", "Request was cancelled by the client")


def start_timeout() -> RequestOutcome:
    """The client's limit on the time in the queue was exceeded."""
    late = infrastructure_error(504, "request_timeout", "Request timed out before it was started")
    return late.model_copy(update={"headers": {**late.headers, "X-Fal-Request-Timeout-Type": "user"}})


def image_load_error(loc: Sequence[str | int], url: str) -> RequestOutcome:
    """An input image could not be loaded."""
    message = "Failed to load the image. Please ensure the image file is not corrupted and is in a supported format."
    return model_error(422, [dict(entry(loc, message, "image_load_error", input=url))])


def image_too_large(width: int, height: int, most: int) -> RequestOutcome:
    """More pixels than the sandbox draws."""
    message = f"{width} x {height} is more than the {most} pixels that can be generated"
    ctx: JsonValue = {"max_width": 8192, "max_height": 8192}
    return model_error(422, [dict(entry(("body", "image_size"), message, "image_too_large", ctx=ctx))])
