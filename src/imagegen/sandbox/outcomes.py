"""How a request ends: what its result call answers, in fal's two families of error bodies or as a success."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, JsonValue

from imagegen.sandbox.violations import entry


class Outcome(BaseModel):
    """The end of a request.

    Attributes:
        status: HTTP status of the result call.
        body: its JSON body; picture URLs in it are paths, which get their host when they are read.
        headers: its extra headers.
        error: fal's one-line error, None for a success.
        error_type: fal's type of it.
        billable_units: what fal bills; None where it bills nothing.
    """

    model_config = ConfigDict(frozen=True)

    status: int = 200
    body: JsonValue
    headers: dict[str, str] = {}
    error: str | None = None
    error_type: str | None = None
    billable_units: int | None = None


def model_error(status: int, detail: Sequence[JsonValue], *, needs_retry: bool = False) -> Outcome:
    """An error of the model itself: `{"detail": [{loc, msg, type, url}, …]}`."""
    first = detail[0] if detail else None
    return Outcome(
        status=status,
        body={"detail": list(detail)},
        headers={"X-Fal-Needs-Retry": "1" if needs_retry else "0"},
        error=f"Invalid status code: {status}",
        error_type=str(first.get("type")) if isinstance(first, dict) else None,
    )


def infrastructure_error(status: int, error_type: str, message: str) -> Outcome:
    """An error around the model: `{"detail": text, "error_type": …}` and its header."""
    return Outcome(
        status=status,
        body={"detail": message, "error_type": error_type},
        headers={"X-Fal-Error-Type": error_type},
        error=message,
        error_type=error_type,
    )


def cancelled() -> Outcome:
    """The client cancelled: a COMPLETED request whose result answers 499."""
    return infrastructure_error(499, "client_cancelled", "Request was cancelled by the client")


def start_timeout() -> Outcome:
    """The client's own limit on waiting ran out."""
    late = infrastructure_error(504, "request_timeout", "Request timed out before it was started")
    return late.model_copy(update={"headers": {**late.headers, "X-Fal-Request-Timeout-Type": "user"}})


def image_load_error(loc: Sequence[str | int], url: str) -> Outcome:
    """An input picture could not be loaded."""
    message = "Failed to load the image. Please ensure the image file is not corrupted and is in a supported format."
    return model_error(422, [dict(entry(loc, message, "image_load_error", input=url))])


def image_too_large(width: int, height: int, most: int) -> Outcome:
    """More pixels than the sandbox draws."""
    message = f"{width} x {height} is more than the {most} pixels that can be generated"
    ctx: JsonValue = {"max_width": 8192, "max_height": 8192}
    return model_error(422, [dict(entry(("body", "image_size"), message, "image_too_large", ctx=ctx))])
