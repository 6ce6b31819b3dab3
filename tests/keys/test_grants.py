"""A key grants no more than it has."""

from datetime import UTC, datetime, timedelta

import pytest

from imagegen.keys import ApiKey, KeyScope, new_key
from imagegen.keys.grants import excesses, may_grant

NOW = datetime(2026, 11, 22, tzinfo=UTC)
LATER = NOW + timedelta(days=1)


def a_key(
    users: tuple[str, ...] = (),
    models: tuple[str, ...] = (),
    scopes: tuple[KeyScope, ...] = tuple(KeyScope),
    expires_at: datetime | None = None,
) -> ApiKey:
    return new_key("shop", NOW, users=users, models=models, scopes=scopes, expires_at=expires_at)[0]


LIMITED = a_key(("ann", "bob"), ("flux-pro",), (KeyScope.READ, KeyScope.ADMIN), NOW)


@pytest.mark.parametrize("granter", [None, a_key()])
def test_without_restrictions_everything_can_be_granted(granter: ApiKey | None) -> None:
    assert [may_grant(granter, key) for key in (a_key(), LIMITED)] == [True, True]


def test_equal_or_narrower_key_can_be_granted() -> None:
    narrower = a_key(("ann",), ("flux-pro",), (KeyScope.READ,), NOW - timedelta(days=1))

    assert [may_grant(LIMITED, key) for key in (LIMITED, narrower)] == [True, True]


def test_every_excess_is_named_with_its_place() -> None:
    wider = a_key(("ann", "carl"), ("flux-dev",), (KeyScope.GENERATE,), LATER)

    assert [(fault.pointer, fault.valid) for fault in excesses(LIMITED, wider)] == [
        ("/users/1", ("ann", "bob")),
        ("/models/0", ("flux-pro",)),
        ("/scopes/0", ("read", "admin")),
        ("/expiresAt", ()),
    ]


def test_all_users_all_models_and_no_expiry_are_excesses() -> None:
    unlimited = a_key(scopes=(KeyScope.READ,))

    assert [fault.pointer for fault in excesses(LIMITED, unlimited)] == ["/users", "/models", "/expiresAt"]
