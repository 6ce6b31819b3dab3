"""The bodies that create and change API keys, and everything that can be wrong with them.

In a change, a member that is left out stays as it is, and null means all, or none.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Final, TypeAlias

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, Strict
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from imagegen.clock import now
from imagegen.errors import Fault, InvalidInput
from imagegen.json_object import JsonObject
from imagegen.keys import DEFAULT_SCOPES, HIGHEST_RATE, NO_RATES, ApiKey, KeyScope, Rates
from imagegen.keys.grants import listed
from imagegen.operations.admin_requests import (
    Name,
    explainer,
    given_members,
    null_field,
    read_body,
    repeated,
    unknown_models,
)
from imagegen.registry import Registry
from imagegen.registry.annotations import ClosedObject
from imagegen.registry.values import reject_boolean, to_integer

MOST_USERS: Final = 1000
MOST_MODELS: Final = 200
_MOST_TAGS: Final = 100
_FIRST_YEAR, _LAST_YEAR = 1970, 9998  # other times could leave the calendar in another time zone
_DATED: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]")
_EMPTY: Final = {
    "/users": "null means all users",
    "/models": "null means all models",
    "/allowedTags": "null means all tags",
    "/requiredTags": "null means that jobs need none",
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


_Moment: TypeAlias = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(_in_utc)]
HolderName = Annotated[
    Name, Field(description="The key's holder: a person, a program, a customer.", examples=["Ann's shop"])
]
Users = Annotated[
    list[Name],
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
        "images and usage, `admin` is keys, budgets and the audit trail. None implies another.",
    ),
]
_Rate = Annotated[
    int, Strict(), Field(ge=1, le=HIGHEST_RATE), BeforeValidator(to_integer), BeforeValidator(reject_boolean)
]
DefaultUser = Annotated[Name, Field(description="The user of a request that names none; one of `users`.")]
_ALLOWED_TAGS: Final = "The tags that its jobs may have. Jobs have no tags yet, so it limits nothing"
_REQUIRED_TAGS: Final = "The tags of which its jobs must have one. Jobs have no tags yet, so it limits nothing"
Tags = Annotated[list[Name], Field(min_length=1, max_length=_MOST_TAGS)]
ExpiresAt = Annotated[
    _Moment, Field(description="From when it is no longer valid: ISO 8601 with an offset, in the future.")
]


class RatesRequest(ClosedObject):
    """How many requests and images pass in a minute, and how many jobs may be unfinished at once."""

    model_config = ConfigDict(alias_generator=to_camel)

    requests_per_minute: _Rate | None = Field(
        default=None, description="Requests that generate. Default: IMAGEGEN_KEY_REQUESTS_PER_MINUTE."
    )
    images_per_minute: _Rate | None = Field(
        default=None, description="Images that they ask for. Default: IMAGEGEN_KEY_IMAGES_PER_MINUTE."
    )
    open_jobs: _Rate | None = Field(
        default=None, description="Jobs that may be unfinished at once. Default: IMAGEGEN_KEY_OPEN_JOBS."
    )

    @property
    def rates(self) -> Rates:
        """The rates of a key."""
        return Rates(
            requests_per_minute=self.requests_per_minute,
            images_per_minute=self.images_per_minute,
            open_jobs=self.open_jobs,
        )


class CreateKeyRequest(ClosedObject):
    """An API key to be created."""

    model_config = ConfigDict(alias_generator=to_camel)

    name: HolderName
    users: Users | None = None
    models: Models | None = None
    scopes: Scopes = Field(default=list(DEFAULT_SCOPES))
    default_user: DefaultUser | None = None
    allowed_tags: Tags | None = Field(default=None, description=f"{_ALLOWED_TAGS}. Default: all.")
    required_tags: Tags | None = Field(default=None, description=f"{_REQUIRED_TAGS}. Default: they need none.")
    rates: RatesRequest | None = None
    expires_at: ExpiresAt | None = None


def in_order(scopes: Sequence[KeyScope]) -> tuple[KeyScope, ...]:
    """The scopes in the one order in which they are stored."""
    return tuple(scope for scope in KeyScope if scope in scopes)


class ChangeKeyRequest(BaseModel):
    """A change of an API key. Members that are left out stay as they are."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)

    name: HolderName = Field(default_factory=str)
    users: Users | None = null_field("all users", "The users that it is valid for")
    models: Models | None = null_field("all models", "The models that it is valid for")
    scopes: Scopes = Field(default_factory=list[KeyScope])
    default_user: DefaultUser | None = null_field("none", "The user of a request that names none; one of `users`")
    allowed_tags: Tags | None = null_field("all tags", _ALLOWED_TAGS)
    required_tags: Tags | None = null_field("none", _REQUIRED_TAGS)
    rates: RatesRequest | None = null_field("none of its own", "Its own rates, which are changed as a whole")
    expires_at: ExpiresAt | None = null_field(
        "never", "From when it is no longer valid: ISO 8601 with an offset, in the future"
    )

    def applied_to(self, key: ApiKey) -> ApiKey:
        """The key with the members that are given, as a new version of it."""
        given = given_members(self)
        if "scopes" in given:
            given["scopes"] = in_order(self.scopes)
        if "rates" in given:
            given["rates"] = rates_of(self)
        if "models" in given:
            given["all_models"] = self.models is None
        changed = replace(key, **given)
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
    request = read_body(CreateKeyRequest, body, registry, explain_create)
    require_valid(request, registry)
    return request


def read_change_request(body: JsonValue, registry: Registry) -> ChangeKeyRequest:
    """Read a body that changes a key. Raises InvalidRequest with every fault that the key has no part in."""
    return read_body(ChangeKeyRequest, body, registry, explain_change)


def _more_faults(members: JsonObject, registry: Registry) -> Iterator[Fault]:
    return _faults(ChangeKeyRequest.model_validate(members), registry, None)


explain_create: Final = explainer(CreateKeyRequest, "An API key", _more_faults, _EMPTY)
explain_change: Final = explainer(ChangeKeyRequest, "An API key", _more_faults, _EMPTY)


def _faults(request: KeyRequest, registry: Registry, stored: ApiKey | None) -> Iterator[Fault]:
    for member in ("users", "models", "scopes", "allowed_tags", "required_tags"):
        yield from repeated(to_camel(member), getattr(request, member) or ())
    yield from unknown_models(request.models or (), registry)
    yield from _stray_default_user(request, stored)
    yield from _stray_required_tags(request, stored)
    if request.expires_at is not None and request.expires_at <= now():
        yield Fault(pointer="/expiresAt", code="out_of_range", message="expiresAt must be in the future.")


def _stray_default_user(request: KeyRequest, stored: ApiKey | None) -> Iterator[Fault]:
    given = request.model_fields_set
    users = stored.users if stored is not None and "users" not in given else request.users
    user = stored.default_user if stored is not None and "default_user" not in given else request.default_user
    if user is None or users is None or user in users:
        return
    message = f"defaultUser must be one of users, and {user!r} is none of them."
    yield Fault(pointer="/defaultUser", code="not_allowed", message=message, valid=listed(users))


def _stray_required_tags(request: KeyRequest, stored: ApiKey | None) -> Iterator[Fault]:
    given = request.model_fields_set
    allowed = stored.allowed_tags if stored is not None and "allowed_tags" not in given else request.allowed_tags
    required = stored.required_tags if stored is not None and "required_tags" not in given else request.required_tags
    if allowed is None:
        return
    for number, tag in enumerate(required or ()):
        if tag not in allowed:
            message = f"requiredTags[{number}] must be one of allowedTags, and {tag!r} is none of them."
            yield Fault(pointer=f"/requiredTags/{number}", code="not_allowed", message=message, valid=listed(allowed))
