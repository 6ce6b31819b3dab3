import asyncio
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from imagegen.errors import KeysFileError, ModelNotAllowed, UserNotAllowed
from imagegen.keys import ApiKey, Caller, KeyRing, KeysFile, change_keys, new_key, read_keys

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def a_key(*users: str, models: tuple[str, ...] = ()) -> tuple[ApiKey, str]:
    return new_key("shop", users, models, NOW)


def add(path: Path, *users: str) -> str:
    key, token = a_key(*users)
    change_keys(path, lambda ring: ring.with_key(key))
    return token


def test_token_has_prefix_key_id_and_256_random_bits() -> None:
    key, token = a_key()

    prefix, key_id, secret = token.split("_")
    assert (prefix, key_id, 62 ** len(secret) > 2**256) == ("ig", key.id, True)


def test_only_the_exact_token_is_valid() -> None:
    key, token = a_key()
    other, other_token = a_key()
    ring = KeyRing().with_key(key).with_key(other)
    wrong = [token[:-1] + ("a" if token[-1] != "a" else "b"), token[:-1], token + "x", token.upper(), "", "é", "\ud800"]
    crossed = f"ig_{key.id}_{other_token.rpartition('_')[2]}"

    assert [ring.find_key(text) for text in (token, other_token)] == [key, other]
    assert [ring.find_key(text) for text in (*wrong, crossed, key.sha256, key.id)] == [None] * (len(wrong) + 3)


def test_repr_shows_neither_token_nor_hash() -> None:
    key, token = a_key()

    assert key.sha256 not in repr(key)
    assert token.rpartition("_")[2] not in repr(KeyRing().with_key(key))


def test_caller_is_limited_by_its_key() -> None:
    caller = Caller(a_key("ann", models=("flux-pro",))[0])
    caller.require_user("ann")
    caller.require_model("flux-pro")

    with pytest.raises(UserNotAllowed, match="'bob', only for: ann"):
        caller.require_user("bob")
    with pytest.raises(ModelNotAllowed, match="'flux-dev', only: flux-pro"):
        caller.require_model("flux-dev")


@pytest.mark.parametrize("caller", [Caller(), Caller(a_key()[0])])
def test_unrestricted_caller_may_do_everything(caller: Caller) -> None:
    caller.require_user("anyone")
    caller.require_model("any")

    assert caller.users is None


def test_callers_do_not_share_idempotency_keys() -> None:
    callers = [Caller(), Caller(a_key()[0]), Caller(a_key()[0])]

    assert len({caller.idempotency_scope(user) for caller in callers for user in ("a", "b", "anonymous/a")}) == 9


def test_file_is_private_and_has_no_token(tmp_path: Path) -> None:
    path = tmp_path / "new" / "keys.json"
    tokens = [add(path, "ann"), add(path)]

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [key.users for key in read_keys(path).keys] == [("ann",), None]
    assert [token.rpartition("_")[2] for token in tokens if token.rpartition("_")[2] in path.read_text()] == []
    assert [file.name for file in path.parent.iterdir()] == ["keys.json"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "Invalid JSON"),
        ('{"keys": [{"id": "short"}]}', r"keys\.0\.id"),
        ('{"keys": [], "limits": 1}', "limits: Extra inputs"),
    ],
)
def test_broken_file_is_not_quoted_or_replaced(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(content)

    with pytest.raises(KeysFileError, match=words):
        change_keys(path, lambda ring: ring)
    assert (path.read_text(), list(tmp_path.iterdir())) == (content, [path])


def test_concurrent_changes_are_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    (tmp_path / "keys.json.draft").touch()

    with pytest.raises(KeysFileError, match="is being changed"):
        add(path)
    assert (tmp_path / "keys.json.draft").exists()


async def holder(file: KeysFile, token: str) -> bool:
    return (await file.ring()).find_key(token) is not None


async def eventually(file: KeysFile, token: str, *, valid: bool) -> None:
    async with asyncio.timeout(5):
        while await holder(file, token) is not valid:
            await asyncio.sleep(0.05)


async def test_running_service_sees_new_and_revoked_keys(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    first = await asyncio.to_thread(add, path)
    file = KeysFile(path)
    assert await holder(file, first)

    second = await asyncio.to_thread(add, path)
    await eventually(file, second, valid=True)
    await asyncio.to_thread(change_keys, path, lambda ring: ring.without(first.split("_")[1]))
    await eventually(file, first, valid=False)

    assert await holder(file, second)


async def test_broken_file_keeps_keys_and_missing_file_has_none(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "keys.json"
    token = await asyncio.to_thread(add, path)
    file = KeysFile(path)
    assert await holder(file, token)

    await asyncio.to_thread(path.write_text, "{")
    async with asyncio.timeout(5):
        while "stay as they were" not in caplog.text:
            assert await holder(file, token)
            await asyncio.sleep(0.05)
    await asyncio.to_thread(path.unlink)
    await eventually(file, token, valid=False)
