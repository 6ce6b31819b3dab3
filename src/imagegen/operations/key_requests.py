"""The bodies that create and change API keys, and everything that can be wrong with them.

In a change, a member that is left out stays as it is, and null means all, or none.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeAlias, cast

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    Strict,
    ValidationError,
)
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails, PydanticCustomError

from imagegen.clock import now
from imagegen.errors import Fault, InvalidInput, InvalidRequest, UnknownModel
from imagegen.keys import DEFAULT_SCOPES, HIGHEST_RATE, NO_RATES, ApiKey, KeyScope, Rates
from imagegen.keys.grants import listed
from imagegen.registry import Registry
from imagegen.registry.annotations import ClosedObject
from imagegen.registry.faults import RequestSchema, faults_from_errors
from imagegen.registry.requests import LONGEST_NAME
from imagegen.registry.values import PLAIN_TEXT, check_printable

MOST_USERS: Final = 1000
MOST_MODELS: Final = 200
NULL_MEANS: Final = "x-null"  # a keyword of the JSON Schema: what null means, in a member where it is not an absence
_FIRST_YEAR, _LAST_YEAR = 1970, 9998  # other times could leave the calendar in another time zone
_DATED: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]")
_EMPTY: Final = {
    "/users": "null means all users",
    "/models": "null means all models",
    "/scopes": "a key without scopes could do nothing",
}


def _written_out(value: object) -> object:
    """Refuse a number, which pydantic would read as seconds since 1970."""
    if value is not None and not (isinstance(value, str) and _DATED.match(value)):
        raise PydanticCustomError(
            "wrong_format", "must be a time in ISO 8601 with an offset, such as 2026-11-22T16:57:49Z"
        )
    return value


def _in_utc(value: datetime) -> datetime:
    """The time in UTC, to the millisecond, as MongoDB stores it."""
    if value.year < _FIRST_YEAR:
        raise PydanticCustomError("out_of_range", "must be in the future")
    if value.year > _LAST_YEAR:
        raise PydanticCustomError("out_of_range", "must be before the year 9999")
    return value.astimezone(UTC).replace(microsecond=value.microsecond // 1000 * 1000)


_Name: TypeAlias = Annotated[
    str,
    Strict(),
    Field(min_length=1, max_length=LONGEST_NAME, json_schema_extra={"pattern": PLAIN_TEXT}),
    AfterValidator(check_printable),
]
_Moment: TypeAlias = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(_in_utc)]
HolderName = Annotated[
    _Name, Field(description="The key's holder: a person, a program, a customer.", examples=["Ann's shop"])
]
Users = Annotated[
    list[_Name],
    Field(min_length=1, max_length=MOST_USERS, description="The users that it is valid for. Default: all."),
]
Models = Annotated[
    list[Annotated[str, Strict()]],
    Field(min_length=1, max_length=MOST_MODELS, description="The models that it is valid for. Default: all."),
]
Scopes = Annotated[
    list[KeyScope],
    Field(
        min_length=1,
        max_length=len(KeyScope),
        description="What it may be used for. `generate` is whatever makes, changes or deletes jobs, `read` is jobs, "
        "images and usage, `admin` is keys and the audit trail. None implies another.",
    ),
]
_Rate = Annotated[int, Strict(), Field(ge=1, le=HIGHEST_RATE)]
DefaultUser = Annotated[_Name, Field(description="The user of a request that names none; one of `users`.")]
ExpiresAt = Annotated[
    _Moment, Field(description="From when it is no longer valid: ISO 8601 with an offset, in the future.")
]


class RatesRequest(ClosedObject):
    """How many requests and images pass in a minute."""

    model_config = ConfigDict(alias_generator=to_camel)

    requests_per_minute: _Rate | None = Field(
        default=None, description="Requests that generate. Default: IMAGEGEN_KEY_REQUESTS_PER_MINUTE."
    )
    images_per_minute: _Rate | None = Field(
        default=None, description="Images that they ask for. Default: IMAGEGEN_KEY_IMAGES_PER_MINUTE."
    )

    @property
    def rates(self) -> Rates:
        """The rates of a key."""
        return Rates(requests_per_minute=self.requests_per_minute, images_per_minute=self.images_per_minute)


class CreateKeyRequest(ClosedObject):
    """An API key to be created."""

    model_config = ConfigDict(alias_generator=to_camel)

    name: HolderName
    users: Users | None = None
    models: Models | None = None
    scopes: Scopes = Field(default=list(DEFAULT_SCOPES))
    default_user: DefaultUser | None = None
    rates: RatesRequest | None = None
    expires_at: ExpiresAt | None = None


def in_order(scopes: Sequence[KeyScope]) -> tuple[KeyScope, ...]:
    """The scopes in the one order in which they are stored."""
    return tuple(scope for scope in KeyScope if scope in scopes)


def _unchanging(value: object) -> object:
    return tuple(cast("list[object]", value)) if isinstance(value, list) else value


def _null(meaning: str, description: str) -> Any:
    """The field of a member for which null has a meaning of its own."""
    return Field(default=None, description=f"{description}; null: {meaning}.", json_schema_extra={NULL_MEANS: meaning})


class ChangeKeyRequest(BaseModel):
    """A change of an API key. Members that are left out stay as they are."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)

    name: HolderName = Field(default_factory=str)
    users: Users | None = _null("all users", "The users that it is valid for")
    models: Models | None = _null("all models", "The models that it is valid for")
    scopes: Scopes = Field(default_factory=list[KeyScope])
    default_user: DefaultUser | None = _null("none", "The user of a request that names none; one of `users`")
    rates: RatesRequest | None = _null("none of its own", "Its own rates, which are changed as a whole")
    expires_at: ExpiresAt | None = _null(
        "never", "From when it is no longer valid: ISO 8601 with an offset, in the future"
    )

    def applied_to(self, key: ApiKey) -> ApiKey:
        """The key with the members that are given, as a new version of it."""
        given = {name: _unchanging(getattr(self, name)) for name in self.model_fields_set}
        if "scopes" in given:
            given["scopes"] = in_order(self.scopes)
        if "rates" in given:
            given["rates"] = rates_of(self)
        changed = replace(key, **cast("dict[str, Any]", given))
        return changed if changed == key else replace(changed, version=key.version + 1)


KeyRequest = CreateKeyRequest | ChangeKeyRequest


def rates_of(request: KeyRequest) -> Rates:
    """The rates of a key that a request gives."""
    return NO_RATES if request.rates is None else request.rates.rates


def require_valid(request: KeyRequest, registry: Registry, stored: ApiKey | None = None) -> None:
    """Check what the types of a request do not say.

    Args:
        request: to create a key, or to change one.
        registry: the models.
        stored: the key to be changed.

    Raises:
        InvalidInput: with every fault.
    """
    if faults := list(_faults(request, registry, stored)):
        raise InvalidInput(faults)


def read_create_request(body: JsonValue, registry: Registry) -> CreateKeyRequest:
    """Read a body that creates a key.

    Raises:
        InvalidRequest: with every fault.
    """
    try:
        request = CreateKeyRequest.model_validate(body)
    except ValidationError as error:
        raise explain_create(registry, error.errors(include_url=False), body) from error
    require_valid(request, registry)
    return request


def _explainer(
    kind: type[BaseModel], subject: str
) -> Callable[[Registry, Sequence[ErrorDetails], JsonValue], InvalidRequest]:
    """A function that turns the errors that pydantic found in a body into a refusal with every fault."""
    shape = RequestSchema(subject, kind.model_json_schema())

    def explain(registry: Registry, errors: Sequence[ErrorDetails], body: JsonValue) -> InvalidRequest:
        if not isinstance(body, dict) or any(error["type"] == "json_invalid" for error in errors):
            return registry.invalid_request(errors, body)
        of_body = [_in_the_body(error) for error in errors]
        faulty = {error["loc"][0] for error in of_body}
        rest = {name: value for name, value in body.items() if name not in faulty and value is not None}
        found = [_with_hint(fault) for fault in faults_from_errors(of_body, shape)]
        return InvalidInput([*found, *_faults(ChangeKeyRequest.model_validate(rest), registry, None)])

    return explain


explain_create: Final = _explainer(CreateKeyRequest, "An API key")
explain_change: Final = _explainer(ChangeKeyRequest, "An API key")


def _in_the_body(error: ErrorDetails) -> ErrorDetails:
    place = error["loc"]
    return {**error, "loc": place[1:] if place[:1] == ("body",) else place}


def _with_hint(fault: Fault) -> Fault:
    """The fault of an empty list, with what to send instead."""
    if fault.code != "too_short" or fault.pointer not in _EMPTY:
        return fault
    return replace(fault, message=f"{fault.message.removesuffix('.')}; {_EMPTY[fault.pointer]}.")


def _faults(request: KeyRequest, registry: Registry, stored: ApiKey | None) -> Iterator[Fault]:
    for member in ("users", "models", "scopes"):
        yield from _repeated(member, getattr(request, member) or ())
    yield from _unknown_models(request.models or (), registry)
    yield from _stray_default_user(request, stored)
    if request.expires_at is not None and request.expires_at <= now():
        yield Fault(pointer="/expiresAt", code="out_of_range", message="expiresAt must be in the future.")


def _repeated(member: str, values: Sequence[str]) -> Iterator[Fault]:
    seen = Counter[str]()
    for number, value in enumerate(values):
        if seen[value]:
            message = f"{member}[{number}] repeats {str(value)[:100]!r}; name it once."
            yield Fault(pointer=f"/{member}/{number}", code="conflict", message=message)
        seen[value] += 1


def _unknown_models(names: Sequence[str], registry: Registry) -> Iterator[Fault]:
    for number, name in enumerate(names):
        try:
            registry.model(name)
        except UnknownModel as error:
            yield Fault(
                pointer=f"/models/{number}",
                code="unknown_model",
                message=f"models[{number}]: {error}",
                valid=error.valid,
                suggestion=error.suggestion,
            )


def _stray_default_user(request: KeyRequest, stored: ApiKey | None) -> Iterator[Fault]:
    given = request.model_fields_set
    users = stored.users if stored is not None and "users" not in given else request.users
    user = stored.default_user if stored is not None and "default_user" not in given else request.default_user
    if user is None or users is None or user in users:
        return
    message = f"defaultUser must be one of users, and {user!r} is none of them."
    yield Fault(pointer="/defaultUser", code="not_allowed", message=message, valid=listed(users))
