"""API keys and the audit trail. A token is in one response only, and a hash in none."""

from datetime import datetime

from pydantic import ConfigDict, Field, JsonValue

from imagegen.wire.base import Wire


class Rates(Wire):
    """How many requests and images pass in a minute, and how many jobs may be unfinished at once."""

    requests_per_minute: int | None = Field(
        description="Requests that generate; null: none of its own, so IMAGEGEN_KEY_REQUESTS_PER_MINUTE counts."
    )
    images_per_minute: int | None = Field(
        description="Images that they ask for; null: none of its own, so IMAGEGEN_KEY_IMAGES_PER_MINUTE counts."
    )
    open_jobs: int | None = Field(
        description="Jobs that may be unfinished at once; null: none of its own, so IMAGEGEN_KEY_OPEN_JOBS counts."
    )


class ApiKey(Wire):
    """An API key, without its token."""

    id: str = Field(description="Ten lower-case letters and digits; also the middle part of the token.")
    name: str = Field(description="Its holder: a person, a program, a customer.")
    users: list[str] | None = Field(description="The users that it is valid for; null for all.")
    models: list[str] | None = Field(description="The models that it is valid for; null for all.")
    all_models: bool = Field(
        description="Whether it is for all models. False also for a key of an earlier release with `models` null: it "
        'is for the models of that release and of your catalog until a change says `"models": null` again.'
    )
    scopes: list[str] = Field(description="What it may be used for: `generate`, `read`, `admin`.")
    default_user: str | None = Field(description="The user of a request that names none.")
    allowed_tags: list[str] | None = Field(
        description="The tags that its jobs may have; null for all. Jobs have no tags yet, so it limits nothing."
    )
    required_tags: list[str] | None = Field(
        description="The tags of which its jobs must have one; null if they need none. It limits nothing yet, either."
    )
    rates: Rates | None = Field(description="Its own rates; null if it has none.")
    created_at: datetime = Field(description="UTC.")
    expires_at: datetime | None = Field(description="UTC; from when it is no longer valid. Null: it does not expire.")
    revoked_at: datetime | None = Field(description="UTC; when it was revoked, for good.")
    last_used_at: datetime | None = Field(description="UTC, accurate to a minute; null if it was never used.")


class IssuedApiKey(ApiKey):
    """An API key with its new token."""

    token: str | None = Field(
        description="Send it as `Authorization: Bearer ig_…`. It is in this response only: null in a replay."
    )


class ApiKeyList(Wire):
    """A page of API keys, newest first."""

    keys: list[ApiKey] = Field(description="Newest first.")
    next_cursor: str | None = Field(description="Pass it as `cursor` to get the next page; null on the last page.")


class AuditChange(Wire):
    """The value of a member before and after."""

    model_config = ConfigDict(alias_generator=None)

    from_: JsonValue = Field(alias="from", description="The value before; null also if the key is new.")
    to: JsonValue = Field(description="The value after.")


class AuditEntry(Wire):
    """One change of an API key, a budget or the catalog."""

    id: str = Field(description="A ULID.")
    at: datetime = Field(description="UTC.")
    actor: str = Field(
        description="The id of the API key that made the change. Otherwise `anonymous` for a program on the service's "
        "machine, `command` for `imagegen keys`, `bootstrap` for IMAGEGEN_BOOTSTRAP_KEY, `file` for an import."
    )
    action: str = Field(description="What happened.", examples=["key.created"])
    key_id: str | None = Field(description="The changed key; null if it was something else.")
    budget_id: str | None = Field(description="The changed budget; null if it was something else.")
    changes: dict[str, AuditChange] = Field(
        description="Each changed member; a rotation changes none. Of the catalog: its `sha256`, the `models` "
        "that are gone and new, and those that are `modified`."
    )


class AuditTrail(Wire):
    """A page of the audit trail, newest first."""

    entries: list[AuditEntry] = Field(description="Newest first.")
    next_cursor: str | None = Field(description="Pass it as `cursor` to get the next page; null on the last page.")
