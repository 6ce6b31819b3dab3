"""Answers of fal that are no success: what they say, and whom they are about."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final, Literal

import httpx
from pydantic import AfterValidator, BaseModel, JsonValue

from imagegen.errors import AccountRefused, ProviderAnswer, ProviderError, ProviderRejected, ProviderUnavailable
from imagegen.fal.answers import Lenient, read_json
from imagegen.fal.billing import billable_units
from imagegen.fal.trouble import is_about_the_account, is_moderation
from imagegen.fal.wording import LONGEST_LINE, Wording, is_blank

NO_MEDIA: Final = "no_media_generated"
_POLICY: Final = "content_policy_violation"
_MOST_DETAILS: Final = 20
_MOST_LIMITS: Final = 10
_LONGEST_LIMIT: Final = 100
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


def _visible(text: str | None) -> str | None:
    return None if text is None or is_blank(text) else text


# A text; None if nothing of it can be seen.
Words = Annotated[Lenient[str], AfterValidator(_visible)]


class _Fault(BaseModel):
    loc: Lenient[list[str | int]] = None
    msg: Words = None
    type: Words = None
    ctx: Lenient[dict[str, JsonValue]] = None

    def __str__(self) -> str:
        where = ".".join(str(step) for step in self.loc or [])
        words = f"{self.msg or self.type or 'no message'}{_limits(self.ctx or {})}"
        return f"{where}: {words}" if where else words


class _Complaint(BaseModel):
    """An error as an object: what fal's platform API says under `error`, and some models."""

    message: Words = None
    msg: Words = None
    detail: Words = None
    type: Words = None

    @property
    def words(self) -> str | None:
        return self.message or self.msg or self.detail or self.type


class ErrorBody(BaseModel):
    """The body of an answer that is no success, in any of fal's forms, or of a result that says why it has no image."""

    detail: Lenient[str | _Fault | list[Lenient[str | _Fault]]] = None
    errors: Lenient[list[Lenient[str | _Fault]]] = None
    error_type: Words = None
    type: Words = None
    message: Words = None
    error: Lenient[str | _Complaint] = None

    @property
    def complaint(self) -> str | None:
        """What it says under `error`."""
        return self.error.words if isinstance(self.error, _Complaint) else _visible(self.error)

    def faults(self) -> list[str | _Fault]:
        """`detail` as a list, whichever of its three forms it has; `errors` where there is none."""
        said = self.detail if self.detail is not None else self.errors
        if said is None:
            return []
        faults = said if isinstance(said, list) else [said]
        return [fault for fault in faults if fault is not None and not is_blank(str(fault))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An answer that is no success.

    Attributes:
        answer: what may be shown of it; the words of account trouble are the operator's.
        is_fals_own: fal or its model wrote the body; otherwise something on the way may have.
        is_the_models: the model wrote it, so that it speaks of this request and not of the account or the queue.
        has_words: the body says something, in any of the forms that fal has.
        is_account_trouble: fal refuses the account (its key, its balance, a lock), whatever the request is.
        retryable: the same request may succeed later.
    """

    answer: ProviderAnswer
    is_fals_own: bool
    is_the_models: bool
    has_words: bool
    is_account_trouble: bool
    retryable: bool

    def as_refusal_to_submit(self) -> ProviderError:
        """The error for a request that fal did not accept."""
        return AccountRefused(self.answer) if self.is_account_trouble else self.as_error()

    def as_error(self) -> ProviderError:
        """The error for a request that ends here."""
        return (ProviderUnavailable if self.retryable else ProviderRejected)(self.answer)


def read_refusal(response: httpx.Response, wording: Wording) -> Refusal:
    """Understand both families of fal's errors, and everything that is neither.

    Model errors are `{"detail": [{loc, msg, type}, …]}` or `{"detail": "text"}`; infrastructure errors are
    `{"detail": "text", "error_type": "…"}` with the header `X-Fal-Error-Type`; an unknown path has no `detail`.
    """
    return refusal_of(_error_body(response), response, wording)


def refusal_of(body: ErrorBody, response: httpx.Response, wording: Wording) -> Refusal:
    """The same, of a body that was read."""
    faults = body.faults()
    stated = body.error_type or _visible(response.headers.get("x-fal-error-type"))
    named = next((fault.type for fault in faults if isinstance(fault, _Fault) and fault.type), None)
    error_type = stated or named or body.type
    words = "; ".join(str(fault) for fault in faults) or body.message or body.complaint
    answer = ProviderAnswer(
        message=wording.clean(words or f"fal.ai answered with HTTP status {response.status_code}."),
        status=response.status_code,
        error_type=wording.clean(error_type, LONGEST_LINE) if error_type else None,
        detail=_details(body, wording),
        refused=_refused(error_type, faults, words if response.is_client_error else None),
        billable_units=billable_units(response.headers.get("x-fal-billable-units")),
    )
    is_the_models = isinstance(body.detail, list) and bool(faults)
    return Refusal(
        answer=answer,
        is_fals_own=bool(faults or stated),
        is_the_models=is_the_models,
        has_words=bool(words),
        is_account_trouble=not is_the_models and is_about_the_account(response, error_type, words),
        retryable=answer.refused is None and _retryable(response, error_type),
    )


def with_message(answer: ProviderAnswer, message: str) -> ProviderAnswer:
    """The same answer, introduced in our words."""
    return replace(answer, message=message)


def _error_body(response: httpx.Response) -> ErrorBody:
    try:
        return ErrorBody.model_validate(read_json(response.content))
    except ValueError:
        return ErrorBody()


def _limits(ctx: Mapping[str, JsonValue]) -> str:
    """What fal says of the limit that was not met, such as `(min_height: 256, min_width: 256)`."""
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


def _details(body: ErrorBody, wording: Wording) -> tuple[str, ...]:
    if not isinstance(body.detail, list):
        return ()
    return tuple(wording.clean(str(fault), LONGEST_LINE) for fault in body.faults()[:_MOST_DETAILS])


def _refused(
    error_type: str | None, faults: Sequence[str | _Fault], words: str | None
) -> Literal["input", "output"] | None:
    """What moderation refused. A `content_policy_violation` is of the input, unless its place says otherwise.

    fal's documentation has one type for both sides; whether the places of real answers tell them apart is not known.
    An error without a type, as models send that are not migrated, is judged by its words.
    """
    if error_type == NO_MEDIA:
        return "output"
    if error_type != _POLICY and not (error_type is None and words and is_moderation(words)):
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
