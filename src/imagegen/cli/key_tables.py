"""API keys as `imagegen keys` prints them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from imagegen.cli.tables import Column, Row, print_table

if TYPE_CHECKING:
    from imagegen.keys import ApiKey

_COLUMNS: Final = (Column("ID"), Column("CREATED"), Column("STATE"), Column("NAME"), Column("ACCESS"))
_MEMBERS: Final = (Column("MEMBER"), Column("VALUE"))
EARLIER: Final = "the models of an earlier release"
_MOST_NAMED: Final = 3  # users or models in the list; `show` names all


def print_keys(keys: "Sequence[ApiKey]") -> None:
    """A row for each key."""
    print_table(
        _COLUMNS,
        [Row((key.id, f"{key.created_at:%Y-%m-%d}", _state(key), key.name, access_of(key))) for key in keys],
    )


def print_key(key: "ApiKey") -> None:
    """A row for each member."""
    members = (
        ("id", key.id),
        ("name", key.name),
        ("state", _state(key)),
        ("users", "all" if key.users is None else ", ".join(key.users)),
        ("models", _models(key)),
        ("scopes", ", ".join(key.scopes)),
        ("default user", key.default_user or "none"),
        ("allowed tags", "all" if key.allowed_tags is None else ", ".join(key.allowed_tags)),
        ("required tags", "none" if key.required_tags is None else ", ".join(key.required_tags)),
        ("requests per minute", _rate(key.rates.requests_per_minute)),
        ("images per minute", _rate(key.rates.images_per_minute)),
        ("open jobs", _rate(key.rates.open_jobs)),
        ("created", _time(key.created_at)),
        ("expires", _time(key.expires_at)),
        ("revoked", _time(key.revoked_at)),
        ("last used", _time(key.last_used_at)),
    )
    print_table(_MEMBERS, [Row(member) for member in members])


def access_of(key: "ApiKey") -> str:
    """What a key may be used for, in a few words."""
    models = EARLIER if key.models is None and not key.all_models else _some("models", key.models)
    limit = f", until {key.expires_at:%Y-%m-%d}" if key.expires_at else ""
    return f"{_some('users', key.users)}, {models}, {' '.join(key.scopes)}{limit}"


def _models(key: "ApiKey") -> str:
    if key.models is not None:
        return ", ".join(key.models)
    return "all" if key.all_models else f"{EARLIER} (`imagegen keys change {key.id} --all-models`)"


def _some(what: str, names: Sequence[str] | None) -> str:
    if names is None:
        return f"all {what}"
    return f"{what} {', '.join(names)}" if len(names) <= _MOST_NAMED else f"{len(names)} {what}"


def _state(key: "ApiKey") -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "valid" if key.is_valid(datetime.now(UTC)) else "expired"


def _rate(limit: int | None) -> str:
    return "none of its own" if limit is None else f"{limit:,}"


def _time(moment: datetime | None) -> str:
    return "never" if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"
