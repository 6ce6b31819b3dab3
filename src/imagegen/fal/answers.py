"""fal's answers, read leniently: what is not used is ignored, what is odd is left out."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Annotated, Final, Literal, TypeVar, cast

import httpx
from pydantic import BaseModel, JsonValue, StringConstraints, ValidationError, WrapValidator
from pydantic_core.core_schema import ValidatorFunctionWrapHandler

from imagegen.errors import ProviderAnswer
from imagegen.fal.wording import LONGEST_LINE, Wording

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
    """What fal says of a request that is not done. `queue_position` counts the requests ahead, from 0."""

    state: Literal["in_queue", "in_progress"]
    queue_position: int | None = None
    logs: tuple[str, ...] = ()


class Accepted(BaseModel):
    """The answer to a submit."""

    request_id: RequestId
    status_url: Lenient[str] = None
    response_url: Lenient[str] = None
    cancel_url: Lenient[str] = None


class _LogLine(BaseModel):
    message: str


class StatusAnswer(BaseModel):
    """The answer to a status read. A request that failed or was cancelled is COMPLETED too."""

    status: Literal["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]
    queue_position: Lenient[int] = None
    logs: Lenient[list[Lenient[_LogLine]]] = None
    error: Lenient[str] = None
    error_type: Lenient[str] = None

    def failure(self, wording: Wording) -> ProviderAnswer | None:
        """What it says of the failure of a request that is completed; None where it says nothing of one."""
        if self.status != "COMPLETED" or not (self.error or self.error_type):
            return None
        return ProviderAnswer(
            message=wording.clean(self.error or self.error_type or ""),
            error_type=wording.clean(self.error_type, LONGEST_LINE) if self.error_type else None,
        )

    def progress(self, wording: Wording) -> Progress:
        """What may be told of a request that is not completed."""
        if self.status == "IN_QUEUE":
            return Progress(state="in_queue", queue_position=self.queue_position)
        return Progress(state="in_progress", logs=self._log_lines(wording))

    def _log_lines(self, wording: Wording) -> tuple[str, ...]:
        """The last lines that the model logged so far, cleaned."""
        lines = [line.message for line in self.logs or [] if line is not None]
        return tuple(wording.clean(line, LONGEST_LINE) for line in lines[-_MOST_LOGS:])


def read_json(content: bytes) -> JsonValue:
    """Parse a body; NaN and infinities, which are no JSON, become null.

    Raises:
        ValueError: it is no JSON.
    """
    try:
        return cast("JsonValue", json.loads(content, parse_constant=lambda _: None))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def read_accepted(response: httpx.Response) -> Accepted | None:
    """The accepted request, or None where the answer does not name one."""
    try:
        return Accepted.model_validate(read_json(response.content))
    except ValueError:
        return None


def read_status(content: bytes) -> StatusAnswer | None:
    """The request's status, or None where the answer does not tell it."""
    try:
        return StatusAnswer.model_validate(read_json(content))
    except ValueError:
        return None


def read_retry_after(response: httpx.Response) -> timedelta | None:
    """How long the header `Retry-After` (seconds, or a date) asks to wait."""
    value = response.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return timedelta(seconds=min(int(value[:9]), 10**6))
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(moment - datetime.now(UTC), timedelta(0))
