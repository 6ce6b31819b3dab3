"""API keys and audit entries as they go over the wire."""

from imagegen.keys import NO_RATES, ApiKey, Rates
from imagegen.operations.key_administration import IssuedKey
from imagegen.storage.audit_trail import AuditEntry
from imagegen.wire import key_schemas


def serialize_key(key: ApiKey) -> key_schemas.ApiKey:
    """The key without its hash."""
    return key_schemas.ApiKey(
        id=key.id,
        name=key.name,
        users=None if key.users is None else list(key.users),
        models=None if key.models is None else list(key.models),
        all_models=key.all_models,
        scopes=[scope.value for scope in key.scopes],
        default_user=key.default_user,
        allowed_tags=None if key.allowed_tags is None else list(key.allowed_tags),
        required_tags=None if key.required_tags is None else list(key.required_tags),
        rates=_rates(key.rates),
        created_at=key.created_at,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
        last_used_at=key.last_used_at,
    )


def _rates(rates: Rates) -> key_schemas.Rates | None:
    if rates == NO_RATES:
        return None
    return key_schemas.Rates(
        requests_per_minute=rates.requests_per_minute,
        images_per_minute=rates.images_per_minute,
        open_jobs=rates.open_jobs,
    )


def serialize_issued(issued: IssuedKey) -> key_schemas.IssuedApiKey:
    """The key with its token, if it is new."""
    return key_schemas.IssuedApiKey(**serialize_key(issued.key).model_dump(by_alias=False), token=issued.token)


def serialize_entry(entry: AuditEntry) -> key_schemas.AuditEntry:
    """The entry."""
    changes = {name: key_schemas.AuditChange.model_validate(change) for name, change in entry.changes.items()}
    return key_schemas.AuditEntry(
        id=entry.id,
        at=entry.at,
        actor=entry.actor,
        action=entry.action.value,
        key_id=entry.key_id,
        budget_id=entry.budget_id,
        changes=changes,
    )
