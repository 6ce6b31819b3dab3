"""fal's unsuccessful responses: what they say, and whether they concern the request or the account."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, JsonValue

from imagegen.errors import AccountRefused, ProviderAnswer, ProviderError, ProviderRejected, ProviderUnavailable
from imagegen.fal.billing import billable_units
from imagegen.fal.error_classification import is_account_error, is_moderation
from imagegen.fal.responses import Lenient, read_json
from imagegen.fal.sanitize import LONGEST_LINE, Sanitizer, is_blank
from imagegen.json_object import JsonObject
from imagegen.net.http import Response

NO_MEDIA: Final = "no_media_generated"
_POLICY: Final = "content_policy_violation"
_MOST_DETAILS: Final = 20
_MOST_LIMITS: Final = 10
_LONGEST_LIMIT: Final = 100
_YES: Final = frozenset({"1", "true", "yes"})
_NO: Final = frozenset({"0", "false", "no"})
_RETRY_HEADERS: Final = ("x-fal-needs-retry", "x-fal-retryable")
# Error types after which the same request may succeed. Unknown types count as final, as fal advises.
_TRANSIENT_TYPES: Final = frozenset(
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
_INPUT_LOCATIONS: Final = frozenset({"body", "input", "query"})
_TRANSIENT_STATUSES: Final = frozenset({408, 425, 429})
_SERVER_ERROR: Final = 500


def _visible(text: str | None) -> str | None:
    return None if text is None or is_blank(text) else text


# A text, or None if nothing of it is visible.
VisibleText = Annotated[Lenient[str], AfterValidator(_visible)]


class _ErrorDetail(BaseModel):
    loc: Lenient[list[str | int]] = None
    msg: VisibleText = None
    type: VisibleText = None
    ctx: Lenient[dict[str, JsonValue]] = None

    def __str__(self) -> str:
        location = ".".join(str(step) for step in self.loc or [])
        text = f"{self.msg or self.type or 'no message'}{_limits(self.ctx or {})}"
        return f"{location}: {text}" if location else text


class _ErrorObject(BaseModel):
    """An error as an object, which fal's platform API and some models send under `error`."""

    message: VisibleText = None
    msg: VisibleText = None
    detail: VisibleText = None
    type: VisibleText = None

    @property
    def text(self) -> str | None:
        return self.message or self.msg or self.detail or self.type


class ErrorBody(BaseModel):
    """The body of an unsuccessful response in any of fal's forms, or of a result that says why it has no image."""

    detail: Lenient[str | _ErrorDetail | list[Lenient[str | _ErrorDetail]]] = None
    errors: Lenient[list[Lenient[str | _ErrorDetail]]] = None
    error_type: VisibleText = None
    type: VisibleText = None
    message: VisibleText = None
    error: Lenient[str | _ErrorObject] = None

    @property
    def error_text(self) -> str | None:
        """The text under `error`."""
        return self.error.text if isinstance(self.error, _ErrorObject) else _visible(self.error)

    def details(self) -> list[str | _ErrorDetail]:
        """`detail` as a list, whichever of its three forms it has, or `errors` if there is no `detail`."""
        stated = self.detail if self.detail is not None else self.errors
        if stated is None:
            return []
        details = stated if isinstance(stated, list) else [stated]
        return [detail for detail in details if detail is not None and not is_blank(str(detail))]


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorResponse:
    """What an unsuccessful response means.

    Attributes:
        answer: what may be shown of it; in account trouble, to the operator only.
        is_from_fal: fal or its model wrote the body; otherwise a proxy may have.
        is_from_model: the model wrote the body, so it concerns this request and not the account or the queue.
        has_text: the body has a message, in any of fal's forms.
        is_account_trouble: fal refuses the account (its key, its balance, a lock), whatever the request is.
        retryable: the same request may succeed later.
    """

    answer: ProviderAnswer
    is_from_fal: bool
    is_from_model: bool
    has_text: bool
    is_account_trouble: bool
    retryable: bool

    def as_submit_error(self) -> ProviderError:
        """The error for a request that fal did not accept."""
        return AccountRefused(self.answer) if self.is_account_trouble else self.as_error()

    def as_error(self) -> ProviderError:
        """The error for a request that ends here."""
        return (ProviderUnavailable if self.retryable else ProviderRejected)(self.answer)


def read_error_response(response: Response, sanitizer: Sanitizer) -> ErrorResponse:
    """Classify a response of either family of fal's errors, or of neither.

    Model errors are `{"detail": [{loc, msg, type}, …]}` or `{"detail": "text"}`; infrastructure errors are
    `{"detail": "text", "error_type": "…"}` with the header `X-Fal-Error-Type`; an unknown path has no `detail`.
    """
    return classify_error(_error_body(response), response, sanitizer)


def classify_error(body: ErrorBody, response: Response, sanitizer: Sanitizer) -> ErrorResponse:
    """Classify a response whose body is already parsed."""
    details = body.details()
    stated = body.error_type or _visible(response.headers.get("x-fal-error-type"))
    named = next((detail.type for detail in details if isinstance(detail, _ErrorDetail) and detail.type), None)
    error_type = stated or named or body.type
    text = "; ".join(str(detail) for detail in details) or body.message or body.error_text
    answer = ProviderAnswer(
        message=sanitizer.clean(text or f"fal.ai answered with HTTP status {response.status_code}."),
        status=response.status_code,
        error_type=sanitizer.clean(error_type, LONGEST_LINE) if error_type else None,
        detail=_details(body, sanitizer),
        refused=_refused_side(error_type, details, text if response.is_client_error else None),
        billable_units=billable_units(response.headers.get("x-fal-billable-units")),
    )
    is_from_model = isinstance(body.detail, list) and bool(details)
    return ErrorResponse(
        answer=answer,
        is_from_fal=bool(details or stated),
        is_from_model=is_from_model,
        has_text=bool(text),
        is_account_trouble=not is_from_model and is_account_error(response, error_type, text),
        retryable=answer.refused is None and _retryable(response, error_type),
    )


def with_message(answer: ProviderAnswer, message: str) -> ProviderAnswer:
    """The same answer under a message of our own."""
    return replace(answer, message=message)


def _error_body(response: Response) -> ErrorBody:
    try:
        return ErrorBody.model_validate(read_json(response.content))
    except ValueError:
        return ErrorBody()


def _limits(ctx: JsonObject) -> str:
    """The limits that were not met, such as ` (min_height: 256, min_width: 256)`."""
    shown = [f"{name[:_LONGEST_LIMIT]}: {_limit(value)}" for name, value in ctx.items() if value not in (None, {}, [])]
    return f" ({', '.join(shown[:_MOST_LIMITS])})" if shown else ""


def _limit(value: JsonValue) -> str:
    match value:
        case str():
            text = value
        case list():
            text = ", ".join(_limit(item) for item in value[:_MOST_LIMITS])
        case _:
            text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_LIMIT else f"{text[: _LONGEST_LIMIT - 1]}…"


def _details(body: ErrorBody, sanitizer: Sanitizer) -> tuple[str, ...]:
    if not isinstance(body.detail, list):
        return ()
    return tuple(sanitizer.clean(str(detail), LONGEST_LINE) for detail in body.details()[:_MOST_DETAILS])


def _refused_side(
    error_type: str | None, details: Sequence[str | _ErrorDetail], text: str | None
) -> Literal["input", "output"] | None:
    """What moderation refused. A `content_policy_violation` concerns the input, unless its `loc` says otherwise.

    fal's documentation has one type for both sides; it is unknown whether `loc` tells them apart in real responses.
    An error without a type, which models that are not migrated send, is judged by its text.
    """
    if error_type == NO_MEDIA:
        return "output"
    if error_type != _POLICY and not (error_type is None and text and is_moderation(text)):
        return None
    locations = {str(detail.loc[0]) for detail in details if isinstance(detail, _ErrorDetail) and detail.loc}
    return "output" if locations and not locations & _INPUT_LOCATIONS else "input"


def _retryable(response: Response, error_type: str | None) -> bool:
    for header in _RETRY_HEADERS:
        value = response.headers.get(header, "").strip().lower()
        if value in _YES | _NO:
            return value in _YES
    if error_type is not None:
        return error_type in _TRANSIENT_TYPES
    return response.status_code in _TRANSIENT_STATUSES or response.status_code >= _SERVER_ERROR
