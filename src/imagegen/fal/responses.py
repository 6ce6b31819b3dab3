"""fal's responses, parsed leniently: unused members are ignored, malformed ones are left out."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Annotated, Final, Literal, TypeVar, cast

from pydantic import BaseModel, JsonValue, StringConstraints, ValidationError, WrapValidator
from pydantic_core.core_schema import ValidatorFunctionWrapHandler

from imagegen.errors import ProviderAnswer
from imagegen.fal.sanitize import LONGEST_LINE, Sanitizer
from imagegen.net.http import Response

_MOST_LOGS: Final = 50
T = TypeVar("T")


def _or_none(value: object, handler: ValidatorFunctionWrapHandler) -> object:
    try:
        return handler(value)
    except ValidationError:
        return None


Lenient = Annotated[T | None, WrapValidator(_or_none)]
RequestId = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9._~-]+$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The progress of a request that has not ended.

    Attributes:
        state: waiting in fal's queue, or being generated.
        queue_position: how many requests are ahead, from 0; None if fal does not report it.
        logs: the model's last log lines, cleaned.
    """

    state: Literal["in_queue", "in_progress"]
    queue_position: int | None = None
    logs: tuple[str, ...] = ()


class SubmitResponse(BaseModel):
    """The response to a submit."""

    request_id: RequestId
    status_url: Lenient[str] = None
    response_url: Lenient[str] = None
    cancel_url: Lenient[str] = None


class _LogLine(BaseModel):
    message: str


class StatusResponse(BaseModel):
    """The response to a status read. A request that failed or was cancelled is COMPLETED too."""

    status: Literal["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]
    queue_position: Lenient[int] = None
    logs: Lenient[list[Lenient[_LogLine]]] = None
    error: Lenient[str] = None
    error_type: Lenient[str] = None

    def failure(self, sanitizer: Sanitizer) -> ProviderAnswer | None:
        """The error of a completed request; None if it reports none."""
        if self.status != "COMPLETED" or not (self.error or self.error_type):
            return None
        return ProviderAnswer(
            message=sanitizer.clean(self.error or self.error_type or ""),
            error_type=sanitizer.clean(self.error_type, LONGEST_LINE) if self.error_type else None,
        )

    def progress(self, sanitizer: Sanitizer) -> Progress:
        """The progress of a request that is not completed."""
        if self.status == "IN_QUEUE":
            return Progress(state="in_queue", queue_position=self.queue_position)
        return Progress(state="in_progress", logs=self._log_lines(sanitizer))

    def _log_lines(self, sanitizer: Sanitizer) -> tuple[str, ...]:
        """The model's last log lines so far, cleaned."""
        lines = [line.message for line in self.logs or [] if line is not None]
        return tuple(sanitizer.clean(line, LONGEST_LINE) for line in lines[-_MOST_LOGS:])


def read_json(content: bytes) -> JsonValue:
    """Parse a body; NaN and infinities, which are not JSON, become null.

    Raises:
        ValueError: it is not JSON.
    """
    try:
        return cast("JsonValue", json.loads(content, parse_constant=lambda _: None))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def read_submit_response(response: Response) -> SubmitResponse | None:
    """The accepted request, or None if the response does not name one."""
    try:
        return SubmitResponse.model_validate(read_json(response.content))
    except ValueError:
        return None


def read_status(content: bytes) -> StatusResponse | None:
    """The request's status, or None if the body does not hold one."""
    try:
        return StatusResponse.model_validate(read_json(content))
    except ValueError:
        return None


def read_retry_after(response: Response) -> timedelta | None:
    """How long the header `Retry-After` (seconds, or a date) asks to wait; None if it is absent or invalid."""
    value = response.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return timedelta(seconds=min(int(value[:9]), 10**6))
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(moment - datetime.now(UTC), timedelta(0))
