from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from imagegen.errors import KeysFileError, ModelNotAllowed, ScopeMissing, UserNotAllowed
from imagegen.keys import ApiKey, Caller, KeyRing, KeyScope, new_key, read_keys

NOW = datetime(2026, 1, 2, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def a_key(*users: str, models: tuple[str, ...] = ()) -> tuple[ApiKey, str]:
    return new_key("shop", NOW, users=users, models=models)


def test_token_has_prefix_key_id_and_256_random_bits() -> None:
    key, token = a_key()

    prefix, key_id, secret = token.split("_")
    assert (prefix, key_id, 62 ** len(secret) > 2**256) == ("ig", key.id, True)


def test_only_the_exact_token_is_valid() -> None:
    key, token = a_key()
    other, other_token = a_key()
    ring = KeyRing([key, other])
    wrong = [token[:-1] + ("a" if token[-1] != "a" else "b"), token[:-1], token + "x", token.upper(), "", "é", "\ud800"]
    crossed = f"ig_{key.id}_{other_token.rpartition('_')[2]}"

    assert [ring.find_key(text, NOW) for text in (token, other_token)] == [key, other]
    assert [ring.find_key(text, NOW) for text in (*wrong, crossed, key.sha256, key.id)] == [None] * (len(wrong) + 3)


def test_revoked_rotated_and_expired_keys_are_not_found() -> None:
    key, token = new_key("shop", NOW, expires_at=LATER)
    rotated, new_token = key.rotated()

    assert KeyRing([key]).find_key(token, LATER - timedelta(seconds=1)) == key
    assert KeyRing([key]).find_key(token, LATER) is None
    assert KeyRing([key.revoked(NOW)]).find_key(token, NOW) is None
    assert [KeyRing([rotated]).find_key(text, NOW) for text in (token, new_token)] == [None, rotated]


def test_repr_shows_neither_token_nor_hash() -> None:
    key, token = a_key()

    assert key.sha256 not in repr(key)
    assert token.rpartition("_")[2] not in repr(key)


@pytest.mark.parametrize(
    ("before", "after", "grants"),
    [
        ({}, {"name": "another name"}, True),
        ({}, {"default_user": "ann"}, True),
        ({"users": ("ann",)}, {"users": ("ann", "bob")}, True),
        ({"users": ("ann",)}, {"users": None}, True),
        ({"users": ("ann", "bob")}, {"users": ("ann",)}, False),
        ({"models": None}, {"models": ("flux-pro",)}, False),
        ({}, {"scopes": (KeyScope.READ,)}, False),
        ({}, {"sha256": "0" * 64}, False),
        ({}, {"revoked_at": NOW}, False),
        ({}, {"expires_at": NOW}, False),
    ],
)
def test_changed_key_grants_on_unless_it_permits_less(
    before: dict[str, object], after: dict[str, object], *, grants: bool
) -> None:
    common: dict[str, object] = {"id": "0123456789", "name": "shop", "sha256": "1" * 64, "created_at": NOW, **before}
    old, new = ApiKey(**common), ApiKey(**{**common, **after})  # pyright: ignore[reportArgumentType] - as in the table

    assert KeyRing([new]).still_grants(old, NOW) is grants
    assert not KeyRing().still_grants(old, NOW)


def test_caller_is_limited_by_its_key() -> None:
    caller = Caller(a_key("ann", models=("flux-pro",))[0])
    caller.require_user("ann")
    caller.require_model("flux-pro")
    caller.require_scope(KeyScope.GENERATE)

    with pytest.raises(UserNotAllowed, match="'bob', only for: ann"):
        caller.require_user("bob")
    with pytest.raises(ModelNotAllowed, match="'flux-dev', only: flux-pro"):
        caller.require_model("flux-dev")
    with pytest.raises(ScopeMissing, match="'admin'; the caller has: generate, read"):
        caller.require_scope(KeyScope.ADMIN)


def test_key_of_an_earlier_release_is_for_the_models_that_there_were() -> None:
    key = a_key()[0]
    caller, old = Caller(key), Caller(replace(key, all_models=False))

    caller.require_model("later", is_later_built_in=True)
    old.require_model("flux-pro")
    Caller(a_key(models=("later",))[0]).require_model("later", is_later_built_in=True)
    Caller().require_model("later", is_later_built_in=True)
    with pytest.raises(ModelNotAllowed, match=f"imagegen keys change {key.id} --all-models"):
        old.require_model("later", is_later_built_in=True)
    with pytest.raises(ModelNotAllowed, match="only: flux-pro"):
        Caller(a_key(models=("flux-pro",))[0]).require_model("later", is_later_built_in=True)


@pytest.mark.parametrize("caller", [Caller(), Caller(a_key()[0])])
def test_unrestricted_caller_may_act_for_everyone(caller: Caller) -> None:
    caller.require_user("anyone")
    caller.require_model("any")

    assert caller.users is None


def test_callers_do_not_share_idempotency_keys() -> None:
    callers = [Caller(), Caller(a_key()[0]), Caller(a_key()[0])]

    assert len({caller.idempotency_scope(user) for caller in callers for user in ("a", "b", "anonymous/a")}) == 9


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "Invalid JSON"),
        ('{"keys": [{"id": "short"}]}', r"keys\.0\.id"),
        ('{"keys": [], "limits": 1}', "limits: Extra inputs"),
    ],
)
def test_broken_file_is_not_quoted(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(content)

    with pytest.raises(KeysFileError, match=words):
        read_keys(path)
