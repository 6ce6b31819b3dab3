"""The bootstrap key and the file of keys: made once, whoever starts and however often, and never revived."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from imagegen.clock import now
from imagegen.errors import KeysFileError, SettingsError
from imagegen.keys import ApiKey, KeyScope, digest_of, key_id_of, new_key
from imagegen.operations.first_keys import import_keys, make_first_keys
from imagegen.registry import load_registry
from imagegen.services import Services, open_services
from imagegen.settings import AuthSettings, Settings
from imagegen.storage.audit_trail import AuditAction, AuditEntry
from imagegen.storage.stores import open_stores
from tests.support.keys import bearer, revoke_key
from tests.support.processes import serving

pytestmark = pytest.mark.usefixtures("service")  # which makes the bucket
TOKEN = f"ig_0123456789_{'aB' * 21}c"


def with_auth(own: Settings, **auth: object) -> Settings:
    return own.model_copy(update={"auth": AuthSettings.model_validate(auth)})


@asynccontextmanager
async def started(settings: Settings) -> AsyncGenerator[Services]:
    """The services of a process that has made its first keys."""
    registry = await asyncio.to_thread(load_registry)
    async with open_services(settings, registry) as services:
        await make_first_keys(services)
        yield services


async def stored(services: Services) -> tuple[Sequence[ApiKey], Sequence[AuditEntry]]:
    return await services.api_keys.all(), (await services.audit.page(limit=100))[0]


async def test_bootstrap_key_has_all_scopes_and_is_valid_at_once(own: Settings) -> None:
    async with started(with_auth(own, bootstrap_key=SecretStr(TOKEN))) as services:
        keys, entries = await stored(services)
        found = await services.keys.find(TOKEN)

    assert [(key.id, key.name, key.scopes, key.users) for key in keys] == [
        (key_id_of(TOKEN), "bootstrap", tuple(KeyScope), None)
    ]
    assert found == keys[0]
    assert [(entry.actor, entry.action, entry.key_id) for entry in entries] == [
        ("bootstrap", "key.created", key_id_of(TOKEN))
    ]
    assert digest_of(TOKEN) not in str(entries)


async def test_processes_that_start_at_once_make_one_bootstrap_key(own: Settings) -> None:
    settings = with_auth(own, bootstrap_key=SecretStr(TOKEN))
    registry = await asyncio.to_thread(load_registry)
    async with open_services(settings, registry) as first, open_services(settings, registry) as second:
        await asyncio.gather(*(make_first_keys(each) for each in (first, second, first, second)))
        keys, entries = await stored(first)

    assert (len(keys), len(entries)) == (1, 1)


async def test_revoked_bootstrap_key_is_not_revived(own: Settings, caplog: pytest.LogCaptureFixture) -> None:
    settings = with_auth(own, bootstrap_key=SecretStr(TOKEN))
    async with started(settings):
        pass
    await revoke_key(own, TOKEN)
    async with started(settings) as services:
        found = await services.keys.find(TOKEN)

    assert found is None
    assert f"key {key_id_of(TOKEN)} is revoked or has expired" in caplog.text


async def test_bootstrap_key_with_another_secret_is_a_warning(own: Settings, caplog: pytest.LogCaptureFixture) -> None:
    other = TOKEN[:-1] + ("a" if TOKEN[-1] != "a" else "b")
    async with started(with_auth(own, bootstrap_key=SecretStr(TOKEN))):
        pass
    async with started(with_auth(own, bootstrap_key=SecretStr(other))) as services:
        found = [await services.keys.find(token) for token in (TOKEN, other)]

    assert [key is not None for key in found] == [True, False]
    assert f"key {key_id_of(TOKEN)} exists with another secret" in caplog.text
    assert (TOKEN in caplog.text, other in caplog.text) == (False, False)


async def test_bootstrap_key_opens_a_service_in_production_and_is_not_logged(own: Settings, tmp_path: Path) -> None:
    more = {"IMAGEGEN_ENV": "production", "IMAGEGEN_BOOTSTRAP_KEY": TOKEN}
    async with serving(own, tmp_path, more) as serve:
        answers = [await serve.client.get("/api/jobs", headers=headers) for headers in (bearer(TOKEN), {})]
        await serve.ask_to_end()
    log = await asyncio.to_thread((tmp_path / "serve.log").read_text)

    assert [answer.status_code for answer in answers] == [200, 401]
    assert (TOKEN in log, "is made of IMAGEGEN_BOOTSTRAP_KEY" in log, "no API key yet" in log) == (False, True, False)


@pytest.mark.parametrize("text", ["hunter2hunter2", TOKEN[:-1], f"Bearer {TOKEN}", TOKEN.upper()])
def test_part_of_a_token_is_a_fault_that_does_not_show_it(text: str) -> None:
    with pytest.raises(SettingsError, match=r"IMAGEGEN_BOOTSTRAP_KEY is \(hidden\): expected a whole token") as refused:
        Settings.read({"IMAGEGEN_BOOTSTRAP_KEY": text}, dotenv=None)

    assert text not in str(refused.value)


def test_bootstrap_key_is_a_secret_of_the_log() -> None:
    assert TOKEN in Settings.read({"IMAGEGEN_BOOTSTRAP_KEY": TOKEN}, dotenv=None).secrets


def file_of(folder: Path, *keys: ApiKey) -> Path:
    """A file as earlier versions wrote it."""
    path = folder / "keys.json"
    listed = [
        {
            "id": key.id,
            "name": key.name,
            "sha256": key.sha256,
            "users": key.users,
            "models": key.models,
            "createdAt": key.created_at.isoformat(),
        }
        for key in keys
    ]
    path.write_text(json.dumps({"keys": listed}))
    return path


async def test_file_is_imported_once(own: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    shop, token = new_key("shop", now(), users=["ann"], models=["flux-pro"])
    later, _ = new_key("later", now())
    settings = with_auth(own, api_keys_file=await asyncio.to_thread(file_of, tmp_path, shop))
    async with started(settings) as services:
        found = await services.keys.find(token)
        _, entries = await stored(services)
    await asyncio.to_thread(file_of, tmp_path, shop, later)
    async with started(settings) as services:
        keys, _ = await stored(services)

    assert found == shop
    assert [(key.id, key.scopes) for key in keys] == [(shop.id, (KeyScope.GENERATE, KeyScope.READ))]
    assert [(entry.actor, entry.action) for entry in entries] == [("file", "key.imported")]
    assert "IMAGEGEN_API_KEYS_FILE is ignored" in caplog.text


async def test_import_that_was_killed_half_way_is_completed_and_revives_nothing(own: Settings, tmp_path: Path) -> None:
    revoked, token = new_key("revoked", now())
    missing, _ = new_key("missing", now())
    async with open_stores(own.mongodb) as stores:
        await import_keys([revoked], stores.api_keys, "file")  # then the process is killed
    await revoke_key(own, token)
    path = await asyncio.to_thread(file_of, tmp_path, revoked, missing)
    async with started(with_auth(own, api_keys_file=path)) as services:
        keys, entries = await stored(services)
        found = await services.keys.find(token)

    assert {key.id: key.revoked_at is None for key in keys} == {revoked.id: False, missing.id: True}
    assert (found, [entry.action for entry in entries].count(AuditAction.IMPORTED)) == (None, 2)


@pytest.mark.parametrize(("content", "words"), [(None, "does not exist"), ("{", "Invalid JSON")])
async def test_file_that_cannot_be_read_stops_the_first_start(
    own: Settings, tmp_path: Path, content: str | None, words: str
) -> None:
    path = tmp_path / "keys.json"
    if content is not None:
        await asyncio.to_thread(path.write_text, content)

    with pytest.raises(KeysFileError, match=words):
        async with started(with_auth(own, api_keys_file=path)):
            pass
