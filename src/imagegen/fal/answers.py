"""fal's answers, read leniently: what is not used is ignored, what is odd is left out."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Annotated, Final, Literal, TypeVar, cast

import httpx
from pydantic import BaseModel, JsonValue, StringConstraints, ValidationError, WrapValidator
from pydantic_core.core_schema import ValidatorFunctionWrapHandler

from imagegen.errors import ProviderAnswer, ProviderError, ProviderRejected, ProviderUnavailable
from imagegen.fal.wording import LONGEST_LINE, Wording, storable
from imagegen.jobs import ProviderImage, ProviderResult

_MOST_DETAILS: Final = 20
_MOST_LOGS: Final = 50
_MOST_UNITS: Final = Decimal(10**12)
_FINEST_UNIT: Final = Decimal("1e-12")
_MOST_DIGITS: Final = 34  # what MongoDB's Decimal128 holds
_YES: Final = frozenset({"1", "true", "yes"})
_NO: Final = frozenset({"0", "false", "no"})
_RETRY_HEADERS: Final = ("x-fal-needs-retry", "x-fal-retryable")
# Error types after which the same request may succeed. Types that are not known count as final, as fal advises.
_PASSING_TYPES: Final = frozenset(
    {
        "internal_server_error",
        "generation_timeout",
        "downstream_service_error",
        "downstream_service_unavailable",
        "request_timeout",
        "startup_timeout",
        "runner_scheduling_failure",
        "runner_connection_timeout",
        "runner_disconnected",
        "runner_connection_refused",
        "runner_connection_error",
        "runner_incomplete_response",
        "runner_server_error",
        "internal_error",
        "concurrent_requests_limit",
    }
)
_INPUT_PLACES: Final = frozenset({"body", "input", "query"})
_PASSING_STATUSES: Final = frozenset({408, 425, 429})
_SERVER_ERROR: Final = 500

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

    def progress(self, wording: Wording) -> Progress:
        """What may be told of a request that is not completed."""
        if self.status == "IN_QUEUE":
            return Progress(state="in_queue", queue_position=self.queue_position)
        return Progress(state="in_progress", logs=self._log_lines(wording))

    def _log_lines(self, wording: Wording) -> tuple[str, ...]:
        """The last lines that the model logged so far, cleaned."""
        lines = [line.message for line in self.logs or [] if line is not None]
        return tuple(wording.clean(line, LONGEST_LINE) for line in lines[-_MOST_LOGS:])


class _Fault(BaseModel):
    loc: Lenient[list[str | int]] = None
    msg: Lenient[str] = None
    type: Lenient[str] = None

    def __str__(self) -> str:
        where = ".".join(str(step) for step in self.loc or [])
        words = self.msg or self.type or "no message"
        return f"{where}: {words}" if where else words


class _PlatformFault(BaseModel):
    """What fal's platform API says under `error`."""

    message: str


class _ErrorBody(BaseModel):
    detail: Lenient[str | _Fault | list[Lenient[str | _Fault]]] = None
    error_type: Lenient[str] = None
    type: Lenient[str] = None
    message: Lenient[str] = None
    error: Lenient[str | _PlatformFault] = None

    @property
    def words(self) -> str | None:
        """What it says outside `detail`."""
        return self.message or (self.error.message if isinstance(self.error, _PlatformFault) else self.error)

    def faults(self) -> list[str | _Fault]:
        """`detail` as a list, whichever of its three forms it has."""
        if self.detail is None:
            return []
        faults = self.detail if isinstance(self.detail, list) else [self.detail]
        return [fault for fault in faults if fault is not None and str(fault)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An answer that is no success.

    Attributes:
        answer: what may be shown of it.
        is_fals_own: fal or its model wrote the body; otherwise something on the way may have.
        is_the_models: the model wrote it, so that it speaks of this request and not of the account or the queue.
        retryable: the same request may succeed later.
    """

    answer: ProviderAnswer
    is_fals_own: bool
    is_the_models: bool
    retryable: bool

    def as_error(self) -> ProviderError:
        """The error for a request that ends here."""
        return (ProviderUnavailable if self.retryable else ProviderRejected)(self.answer)


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


def read_refusal(response: httpx.Response, wording: Wording) -> Refusal:
    """Understand both families of fal's errors, and everything that is neither.

    Model errors are `{"detail": [{loc, msg, type}, …]}` or `{"detail": "text"}`; infrastructure errors are
    `{"detail": "text", "error_type": "…"}` with the header `X-Fal-Error-Type`; an unknown path has no `detail`.
    """
    body = _error_body(response)
    faults = body.faults()
    stated = body.error_type or response.headers.get("x-fal-error-type")
    named = next((fault.type for fault in faults if isinstance(fault, _Fault) and fault.type), None)
    error_type = stated or named or body.type
    words = "; ".join(str(fault) for fault in faults if str(fault)) or body.words
    answer = ProviderAnswer(
        message=wording.clean(words or f"fal.ai answered with HTTP status {response.status_code}."),
        status=response.status_code,
        error_type=wording.clean(error_type, LONGEST_LINE) if error_type else None,
        detail=_details(body, wording),
        refused=_refused(error_type, faults),
    )
    return Refusal(
        answer=answer,
        is_fals_own=bool(faults or stated),
        is_the_models=isinstance(body.detail, list) and bool(faults),
        retryable=answer.refused is None and _retryable(response, error_type),
    )


def read_result(response: httpx.Response) -> ProviderResult | None:
    """The completed request's result (its pictures may be none), or None where the body is no JSON object."""
    try:
        payload = storable(read_json(response.content))
    except (ValueError, RecursionError):
        return None
    if not isinstance(payload, dict):
        return None
    units = _billable_units(response.headers.get("x-fal-billable-units"))
    return ProviderResult(images=_images(payload), billable_units=units, payload=payload)


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


def with_message(answer: ProviderAnswer, message: str) -> ProviderAnswer:
    """The same answer, introduced in our words."""
    return replace(answer, message=message)


def _error_body(response: httpx.Response) -> _ErrorBody:
    try:
        return _ErrorBody.model_validate(read_json(response.content))
    except ValueError:
        return _ErrorBody()


def _details(body: _ErrorBody, wording: Wording) -> tuple[str, ...]:
    if not isinstance(body.detail, list):
        return ()
    return tuple(wording.clean(str(fault), LONGEST_LINE) for fault in body.faults()[:_MOST_DETAILS])


def _refused(error_type: str | None, faults: Sequence[str | _Fault]) -> Literal["input", "output"] | None:
    """What moderation refused. A `content_policy_violation` is of the input, unless its place says otherwise.

    fal's documentation has one type for both sides; whether the places of real answers tell them apart is not known.
    """
    if error_type == "no_media_generated":
        return "output"
    if error_type != "content_policy_violation":
        return None
    places = {str(fault.loc[0]) for fault in faults if isinstance(fault, _Fault) and fault.loc}
    return "output" if places and not places & _INPUT_PLACES else "input"


def _retryable(response: httpx.Response, error_type: str | None) -> bool:
    for header in _RETRY_HEADERS:
        said = response.headers.get(header, "").strip().lower()
        if said in _YES | _NO:
            return said in _YES
    if error_type is not None:
        return error_type in _PASSING_TYPES
    return response.status_code in _PASSING_STATUSES or response.status_code >= _SERVER_ERROR


def _billable_units(header: str | None) -> Decimal | None:
    try:
        units = Decimal(header or "")
    except InvalidOperation:
        return None
    if not units.is_finite() or not 0 <= units < _MOST_UNITS:
        return None
    rounded = units.quantize(_FINEST_UNIT)
    return units if units == rounded and len(units.as_tuple().digits) <= _MOST_DIGITS else rounded


def _images(payload: Mapping[str, JsonValue]) -> tuple[ProviderImage, ...]:
    """The pictures under `images` (a list) or `image` (a single one), with the flags of `has_nsfw_concepts`."""
    listed = payload.get("images")
    entries = listed if isinstance(listed, list) and listed else [payload.get("image")]
    flags = payload.get("has_nsfw_concepts")
    by_place = flags if isinstance(flags, list) else [flags] * len(entries)
    pictures: list[ProviderImage] = []
    for place, entry in enumerate(entries):
        url = entry.get("url") if isinstance(entry, dict) else entry
        flag = by_place[place] if place < len(by_place) else None
        if isinstance(url, str) and url:
            pictures.append(ProviderImage(url=url, nsfw=flag if isinstance(flag, bool) else None))
    return tuple(pictures)
