"""A key grants no more than it has."""

from datetime import UTC, datetime, timedelta

import pytest

from imagegen.keys import NO_RATES, ApiKey, KeyScope, Rates, new_key
from imagegen.keys.grants import excesses, may_grant

NOW = datetime(2026, 11, 22, tzinfo=UTC)
LATER = NOW + timedelta(days=1)


def a_key(
    users: tuple[str, ...] = (),
    models: tuple[str, ...] = (),
    scopes: tuple[KeyScope, ...] = tuple(KeyScope),
    expires_at: datetime | None = None,
    rates: Rates = NO_RATES,
) -> ApiKey:
    return new_key("shop", NOW, users=users, models=models, scopes=scopes, rates=rates, expires_at=expires_at)[0]


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


@pytest.mark.parametrize(
    ("wanted", "pointers"),
    [
        (Rates(requests_per_minute=60, images_per_minute=5), []),
        (Rates(requests_per_minute=61, images_per_minute=5), ["/rates/requestsPerMinute"]),
        (Rates(images_per_minute=1_000), ["/rates/requestsPerMinute"]),
        (NO_RATES, ["/rates/requestsPerMinute"]),
    ],
)
def test_key_with_a_rate_grants_no_higher_one(wanted: Rates, pointers: list[str]) -> None:
    granter, key = a_key(rates=Rates(requests_per_minute=60)), a_key(rates=wanted)

    assert [fault.pointer for fault in excesses(granter, key)] == pointers


@pytest.mark.parametrize(("wanted", "pointers"), [(3, []), (4, ["/rates/openJobs"]), (None, ["/rates/openJobs"])])
def test_key_with_a_limit_on_open_jobs_grants_no_higher_one(wanted: int | None, pointers: list[str]) -> None:
    granter, key = a_key(rates=Rates(open_jobs=3)), a_key(rates=Rates(requests_per_minute=5, open_jobs=wanted))

    assert [fault.pointer for fault in excesses(granter, key)] == pointers
