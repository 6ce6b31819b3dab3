"""Keys are created, changed, revoked and rotated; every change is in the audit trail."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import JsonValue

from imagegen.clock import now
from imagegen.errors import (
    GrantNotAllowed,
    IdempotencyMismatch,
    InvalidInput,
    InvalidRequest,
    KeyConflict,
    KeyExpired,
    KeyNotFound,
    KeyRevoked,
    StaleKey,
    TooManyKeys,
)
from imagegen.jobs import Idempotency
from imagegen.keys import ApiKey, KeyRing, KeyScope, Rates, new_key
from imagegen.operations import key_administration
from imagegen.operations.audit import AuditPage, AuditReader
from imagegen.operations.budget_administration import BudgetAdministration
from imagegen.operations.key_administration import COMMAND, KeyAdministration
from imagegen.operations.key_requests import (
    MOST_MODELS,
    MOST_USERS,
    ChangeKeyRequest,
    explain_change,
    read_create_request,
)
from imagegen.registry import load_registry
from imagegen.settings import Settings
from imagegen.storage.api_keys import audit_entry
from imagegen.storage.audit_trail import AuditAction
from imagegen.storage.stores import Stores, open_stores

REGISTRY = load_registry()
ADMIN = ("admin", "generate", "read")


@dataclass
class Office:
    """Administrators of one database, and how often they told of a change."""

    stores: Stores
    settings: Settings
    told: list[str] = field(default_factory=list[str])

    def admin(self, own_key: ApiKey | None = None) -> KeyAdministration:
        async def announce() -> None:
            self.told.append(own_key.id if own_key else COMMAND)

        return KeyAdministration(
            store=self.stores.api_keys,
            audit=self.stores.audit,
            registry=REGISTRY,
            actor=own_key.id if own_key else COMMAND,
            own_key=own_key,
            announce=announce,
        )

    async def audit_page(
        self, own_key: ApiKey | None = None, *, limit: int = 10, before: str | None = None, key_id: str | None = None
    ) -> AuditPage:
        keys, stores = self.admin(own_key), self.stores
        budgets = BudgetAdministration(
            store=stores.budgets,
            counters=stores.budget_counters,
            ledger=stores.ledger,
            audit=stores.audit,
            keys=stores.api_keys,
            registry=REGISTRY,
            settings=self.settings,
            actor=keys.actor,
            own_key=own_key,
            announce=keys.announce,
        )
        return await AuditReader(keys=keys, budgets=budgets).page(limit=limit, before=before, key_id=key_id)

    async def create(self, own_key: ApiKey | None = None, **members: JsonValue) -> ApiKey:
        request = read_create_request({"name": "shop", **members}, REGISTRY)
        return (await self.admin(own_key).create(request)).key

    async def change(self, key: ApiKey, own_key: ApiKey | None = None, **members: JsonValue) -> ApiKey:
        return await self.admin(own_key).change(key.id, ChangeKeyRequest.model_validate(members))


@pytest.fixture
async def office(own: Settings) -> AsyncGenerator[Office]:
    async with open_stores(own.mongodb) as stores:
        yield Office(stores, own)


def faults_of(body: JsonValue) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRequest) as refused:
        read_create_request(body, REGISTRY)
    assert isinstance(refused.value, InvalidInput)
    return [(fault.pointer, fault.code) for fault in refused.value.faults]


def test_all_faults_of_a_body_are_told_at_once() -> None:
    body: JsonValue = {
        "name": "two\nlines",
        "users": [],
        "models": ["flux-por", "flux-pro", "flux-pro"],
        "scopes": ["admn"],
        "defaultUser": "",
        "expiresAt": "2020-01-01T00:00:00",
        "secret": 1,
    }

    assert faults_of(body) == [
        ("/name", "wrong_format"),
        ("/users", "too_short"),
        ("/scopes/0", "not_allowed"),
        ("/defaultUser", "too_short"),
        ("/expiresAt", "wrong_format"),
        ("/secret", "unknown_name"),
        ("/models/2", "conflict"),
        ("/models/0", "unknown_model"),
    ]


@pytest.mark.parametrize(
    ("members", "fault"),
    [
        ({"expiresAt": "2020-01-01T00:00:00Z"}, ("/expiresAt", "out_of_range")),
        ({"expiresAt": "9999-12-31T23:59:59-12:00"}, ("/expiresAt", "out_of_range")),
        ({"expiresAt": "0001-01-01T00:00:00+14:00"}, ("/expiresAt", "out_of_range")),
        ({"expiresAt": 1795366669}, ("/expiresAt", "wrong_format")),
        ({"users": ["ann"], "defaultUser": "bob"}, ("/defaultUser", "not_allowed")),
        ({"users": ["ann", "ann"]}, ("/users/1", "conflict")),
        ({"users": [" ann"]}, ("/users/0", "wrong_format")),
        ({"users": ["\u202eann"]}, ("/users/0", "wrong_format")),
        ({"users": ["\ud800"]}, ("/users/0", "wrong_format")),
        ({"users": [str(n) for n in range(MOST_USERS + 1)]}, ("/users", "too_long")),
        ({"models": [f"m{n}" for n in range(MOST_MODELS + 1)]}, ("/models", "too_long")),
        ({"users": "ann"}, ("/users", "wrong_type")),
        ({"allowedTags": []}, ("/allowedTags", "too_short")),
        ({"allowedTags": ["a", "a"]}, ("/allowedTags/1", "conflict")),
        ({"requiredTags": [f"t{n}" for n in range(101)]}, ("/requiredTags", "too_long")),
        ({"allowedTags": ["a"], "requiredTags": ["a", "b"]}, ("/requiredTags/1", "not_allowed")),
        ({"rates": {"requestsPerMinute": 0}}, ("/rates/requestsPerMinute", "out_of_range")),
        ({"rates": {"imagesPerMinute": "7"}}, ("/rates/imagesPerMinute", "wrong_type")),
        ({"rates": {"openJobs": 0}}, ("/rates/openJobs", "out_of_range")),
        ({"scopes": []}, ("/scopes", "too_short")),
        ({"name": "\x1b[31mred"}, ("/name", "wrong_format")),
        ({"name": "n" * 129}, ("/name", "too_long")),
        ({"name": None}, ("/name", "missing")),
        ({"~/": 1}, ("/~0~1", "unknown_name")),
    ],
)
def test_each_fault_has_its_place(members: dict[str, JsonValue], fault: tuple[str, str]) -> None:
    assert faults_of({"name": "shop", **members}) == [fault]


def test_an_empty_list_is_told_what_null_means() -> None:
    with pytest.raises(InvalidInput, match="users must not be empty; null means all users"):
        read_create_request({"name": "shop", "users": []}, REGISTRY)


def test_an_unknown_model_is_told_the_valid_ones() -> None:
    with pytest.raises(InvalidInput) as refused:
        read_create_request({"name": "shop", "models": ["flux-por"]}, REGISTRY)

    (fault,) = refused.value.faults
    assert (fault.suggestion, fault.valid) == ("flux-pro", tuple(REGISTRY.models))


def test_a_change_may_not_remove_the_name_or_the_scopes() -> None:
    for member in ("name", "scopes"):
        with pytest.raises(ValueError, match=member) as refused:
            ChangeKeyRequest.model_validate({member: None})
        found = explain_change(REGISTRY, refused.value.errors(), {member: None})  # type: ignore[attr-defined]
        assert isinstance(found, InvalidInput)
        assert [(fault.pointer, fault.code) for fault in found.faults] == [(f"/{member}", "wrong_type")]


async def test_a_key_is_created_as_asked_and_its_token_is_valid(office: Office) -> None:
    expires = now() + timedelta(days=90)
    body: JsonValue = {
        "name": "Ann's shop",
        "users": ["ann", "bob"],
        "models": ["flux-pro"],
        "scopes": ["read"],
        "defaultUser": "ann",
        "allowedTags": ["spring", "summer"],
        "requiredTags": ["spring"],
        "rates": {"requestsPerMinute": 60, "imagesPerMinute": 200, "openJobs": 20},
        "expiresAt": expires.isoformat(),
    }
    issued = await office.admin().create(read_create_request(body, REGISTRY))

    stored = await office.stores.api_keys.find(issued.key.id)
    assert issued.token is not None
    assert KeyRing([issued.key]).find_key(issued.token, now()) == stored == issued.key
    assert stored is not None
    assert stored.rates == Rates(requests_per_minute=60, images_per_minute=200, open_jobs=20)
    assert (stored.allowed_tags, stored.required_tags) == (("spring", "summer"), ("spring",))
    assert (stored.name, stored.users, stored.models) == ("Ann's shop", ("ann", "bob"), ("flux-pro",))
    assert (stored.scopes, stored.default_user, stored.expires_at) == ((KeyScope.READ,), "ann", expires)
    assert office.told == [COMMAND]


async def test_members_that_are_left_out_of_a_change_stay_and_null_is_all(office: Office) -> None:
    key = await office.create(users=["ann"], models=["flux-pro"], defaultUser="ann")

    renamed = await office.change(key, name="new")
    opened = await office.change(key, users=None, defaultUser=None)

    assert renamed == replace(key, name="new", version=2)
    assert opened == replace(renamed, users=None, default_user=None, version=3)


async def test_a_change_that_changes_nothing_is_no_version_and_no_entry(office: Office) -> None:
    key = await office.create()

    assert await office.change(key) == key
    assert await office.change(key, name=key.name) == key
    assert len((await office.audit_page(limit=10)).entries) == 1
    assert office.told == [COMMAND]


async def test_the_default_user_must_stay_one_of_the_users(office: Office) -> None:
    key = await office.create(users=["ann"], defaultUser="ann")

    with pytest.raises(InvalidInput, match="defaultUser must be one of users"):
        await office.change(key, users=["bob"])
    assert (await office.change(key, users=["bob"], defaultUser="bob")).default_user == "bob"


async def test_every_change_is_in_the_audit_trail_without_a_secret(office: Office) -> None:
    admin = await office.create(scopes=[*ADMIN])
    key = await office.create(admin, users=["ann"])
    await office.change(key, admin, users=["ann", "bob"])
    await office.admin(admin).rotate(key.id)
    await office.admin(admin).revoke(key.id)
    await office.admin(admin).revoke(key.id)

    entries = (await office.audit_page(limit=10, key_id=key.id)).entries
    assert [entry.action for entry in entries] == ["key.revoked", "key.rotated", "key.changed", "key.created"]
    assert {entry.actor for entry in entries} == {admin.id}
    assert entries[2].changes == {"users": {"from": ["ann"], "to": ["ann", "bob"]}}
    assert entries[1].changes == {}
    assert "sha256" not in str(entries)
    assert key.sha256 not in str(entries)


async def test_a_rotated_key_has_only_its_new_token(office: Office) -> None:
    issued = await office.admin().create(read_create_request({"name": "shop"}, REGISTRY))
    rotated = await office.admin().rotate(issued.key.id)

    assert issued.token is not None
    assert rotated.token is not None
    ring = KeyRing(await office.stores.api_keys.all())
    assert ring.find_key(issued.token, now()) is None
    assert ring.find_key(rotated.token, now()) == rotated.key


async def test_keys_that_are_not_revoked_are_bounded(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_administration, "MOST_KEYS", 2)
    first, _ = await office.create(), await office.create()

    with pytest.raises(TooManyKeys):
        await office.create()
    await office.admin().revoke(first.id)
    await office.create()


async def test_a_revoked_key_can_neither_be_changed_nor_rotated(office: Office) -> None:
    key = await office.create()
    revoked = await office.admin().revoke(key.id)

    assert revoked.revoked_at is not None
    assert await office.admin().revoke(key.id) == revoked
    with pytest.raises(KeyRevoked):
        await office.change(key, name="new")
    with pytest.raises(KeyRevoked):
        await office.admin().rotate(key.id)


async def test_an_expired_key_is_rotated_only_after_a_new_expiry(office: Office) -> None:
    key, _ = new_key("shop", now(), expires_at=now())
    await office.stores.api_keys.insert(key, audit_entry(COMMAND, AuditAction.CREATED, None, key, now()))

    with pytest.raises(KeyExpired):
        await office.admin().rotate(key.id)
    await office.change(key, expiresAt=None)
    assert (await office.admin().rotate(key.id)).token is not None


async def test_concurrent_changes_are_all_made(office: Office) -> None:
    key = await office.create()

    await asyncio.gather(
        office.change(key, name="new"), office.change(key, users=["ann"]), office.change(key, models=["flux-pro"])
    )

    changed = await office.admin().get(key.id)
    assert (changed.name, changed.users, changed.models, changed.version) == ("new", ("ann",), ("flux-pro",), 4)


async def test_a_change_gives_up_when_others_are_always_faster(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    key = await office.create()

    async def lose(*_: Any) -> None:
        raise StaleKey(key.id)

    monkeypatch.setattr("imagegen.operations.compare_and_set._TRIES", 3)
    monkeypatch.setattr(office.stores.api_keys, "save", lose)
    with pytest.raises(KeyConflict):
        await office.change(key, name="new")


async def test_a_key_that_others_change_without_end_can_be_revoked(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, store = await office.create(), office.stores.api_keys
    outdated = await store.find(key.id)
    await office.change(key, name="new")

    async def overtaken(_: str) -> ApiKey | None:
        return outdated

    with monkeypatch.context() as patched:
        patched.setattr(store, "find", overtaken)
        await asyncio.gather(office.admin().revoke(key.id), office.admin().revoke(key.id))

    stored = await office.admin().get(key.id)
    entries, _ = await office.stores.audit.page(limit=9, key_ids=[key.id])
    assert (stored.name, stored.version, stored.revoked_at is not None) == ("new", 3, True)
    assert [entry.action for entry in entries].count(AuditAction.REVOKED) == 1


# Restricted administrators.


async def test_a_restricted_admin_grants_no_more_than_it_has(office: Office) -> None:
    until = (now() + timedelta(days=1)).isoformat()
    ann = await office.create(users=["ann"], models=["flux-pro"], scopes=["admin", "read"], expiresAt=until)

    with pytest.raises(GrantNotAllowed) as refused:
        await office.create(ann, users=["ann", "bob"])
    assert [fault.pointer for fault in refused.value.faults] == ["/users/1", "/models", "/scopes/0", "/expiresAt"]
    granted = await office.create(ann, users=["ann"], models=["flux-pro"], scopes=["read"], expiresAt=until)
    assert granted.users == ("ann",)


@pytest.mark.parametrize(
    "wider",
    [
        {"users": None},
        {"users": ["ann", "bob"]},
        {"models": None},
        {"allowedTags": None},
        {"allowedTags": ["spring", "summer"]},
        {"requiredTags": None},
        {"scopes": ["generate"]},
        {"rates": None},
        {"rates": {"requestsPerMinute": 61}},
        {"expiresAt": None},
    ],
)
async def test_a_restricted_admin_cannot_widen_itself_or_another_key(
    office: Office, wider: dict[str, JsonValue]
) -> None:
    until = (now() + timedelta(days=1)).isoformat()
    rates = {"requestsPerMinute": 60}
    limits: Any = {"users": ["ann"], "models": ["flux-pro"], "rates": rates, "expiresAt": until}
    limits |= {"allowedTags": ["spring"], "requiredTags": ["spring"]}
    ann = await office.create(**limits, scopes=["admin", "read"])
    other = await office.create(ann, **limits, scopes=["read"])

    for key in (ann, other):
        with pytest.raises(GrantNotAllowed):
            await office.change(key, ann, **wider)
        assert await office.admin().get(key.id) == key


async def test_a_restricted_admin_sees_only_keys_that_it_could_grant(office: Office) -> None:
    ann = await office.create(users=["ann"], scopes=[*ADMIN])
    hers = await office.create(users=["ann"])
    others = [await office.create(users=["bob"]), await office.create(), await office.create(users=["ann", "bob"])]
    admin = office.admin(ann)

    assert {key.id for key in (await admin.page(limit=10)).keys} == {ann.id, hers.id}
    for key in others:
        for forbidden in (
            admin.get(key.id),
            office.change(key, ann, name="x"),
            admin.revoke(key.id),
            admin.rotate(key.id),
        ):
            with pytest.raises(KeyNotFound):
                await forbidden
        assert await office.admin().get(key.id) == key
    assert {entry.key_id for entry in (await office.audit_page(ann, limit=10)).entries} == {ann.id, hers.id}
    assert (await office.audit_page(ann, limit=10, key_id=others[0].id)).entries == []


async def test_a_restricted_admin_does_not_read_what_a_key_once_was(office: Office) -> None:
    ann = await office.create(users=["ann"], scopes=[*ADMIN])
    key = await office.create(defaultUser="bob")
    await office.change(key, defaultUser="carl")
    await office.change(key, users=["ann"], defaultUser="ann")
    await office.change(key, name="hers")

    hers = (await office.audit_page(ann, limit=10, key_id=key.id)).entries
    assert [entry.changes for entry in hers] == [{"name": {"from": "shop", "to": "hers"}}]
    assert len((await office.audit_page(limit=10, key_id=key.id)).entries) == 4


async def test_tags_are_changed_and_in_the_audit_trail(office: Office) -> None:
    key = await office.create(allowedTags=["spring"])
    changed = await office.change(key, allowedTags=None, requiredTags=["summer"])
    unchanged = await office.change(changed, name="hers")

    assert (unchanged.allowed_tags, unchanged.required_tags) == (None, ("summer",))
    assert (await office.audit_page(key_id=key.id)).entries[1].changes == {
        "allowedTags": {"from": ["spring"], "to": None},
        "requiredTags": {"from": None, "to": ["summer"]},
    }


async def test_a_key_of_an_earlier_version_has_no_tags(office: Office) -> None:
    key = await office.create()
    keys = office.stores.api_keys._keys  # pyright: ignore[reportPrivateUsage] - as it was stored
    await keys.update_one({"_id": key.id}, {"$unset": {"allowedTags": "", "requiredTags": ""}})

    assert await office.admin().get(key.id) == key


async def _stored_by_an_earlier_version(office: Office, key: ApiKey) -> None:
    keys = office.stores.api_keys._keys  # pyright: ignore[reportPrivateUsage] - as it was stored
    await keys.update_one({"_id": key.id}, {"$unset": {"allModels": ""}})


async def test_a_key_of_an_earlier_version_has_all_models_once_that_is_said_again(office: Office) -> None:
    key = await office.create()
    assert key.all_models
    await _stored_by_an_earlier_version(office, key)
    old = await office.admin().get(key.id)
    assert old == replace(key, all_models=False)

    renamed = await office.change(key, name="other")
    assert not renamed.all_models
    opened = await office.change(key, models=None)

    assert opened == replace(renamed, all_models=True, version=renamed.version + 1)
    assert await office.admin().get(key.id) == opened
    assert (await office.audit_page(key_id=key.id)).entries[0].changes == {"allModels": {"from": False, "to": True}}


async def test_a_key_for_some_models_is_not_for_all(office: Office) -> None:
    key = await office.create(models=["flux-pro"])
    opened = await office.change(key, models=None)
    narrowed = await office.change(key, models=["flux-dev"])

    assert [each.all_models for each in (key, opened, narrowed)] == [False, True, False]


async def test_a_process_of_an_earlier_version_may_narrow_a_key_for_all_models(office: Office) -> None:
    key = await office.create()
    keys = office.stores.api_keys._keys  # pyright: ignore[reportPrivateUsage] - as it was stored
    await keys.update_one({"_id": key.id}, {"$set": {"models": ["flux-pro"]}})

    assert not (await office.admin().get(key.id)).all_models


async def test_rates_are_in_the_audit_trail_for_who_could_grant_them(office: Office) -> None:
    admin = await office.create(scopes=[*ADMIN], rates={"requestsPerMinute": 60})
    key = await office.create(rates={"requestsPerMinute": 100})
    await office.change(key, rates={"requestsPerMinute": 60, "imagesPerMinute": 5})
    await office.change(key, rates={"requestsPerMinute": 30, "openJobs": 7})

    seen = (await office.audit_page(admin, limit=10, key_id=key.id)).entries
    every = (await office.audit_page(limit=10, key_id=key.id)).entries
    assert [entry.changes for entry in seen] == [
        {
            "rates": {
                "from": {"requestsPerMinute": 60, "imagesPerMinute": 5, "openJobs": None},
                "to": {"requestsPerMinute": 30, "imagesPerMinute": None, "openJobs": 7},
            }
        }
    ]
    assert len(every) == 3


async def test_an_admin_may_revoke_its_own_key(office: Office) -> None:
    ann = await office.create(users=["ann"], scopes=["admin"])

    assert (await office.admin(ann).revoke(ann.id)).revoked_at is not None


@pytest.mark.parametrize(("searched", "reads"), [(500, 1), (1, 6)])
async def test_a_page_reads_many_keys_at_once_to_find_those_that_are_seen(
    office: Office, monkeypatch: pytest.MonkeyPatch, searched: int, reads: int
) -> None:
    ann = await office.create(users=["ann"], scopes=[*ADMIN])
    for _ in range(9):
        await office.create(users=["bob"])
    store, limits = office.stores.api_keys, list[int]()
    read = store.page

    async def counted(*, limit: int, before: tuple[datetime, str] | None = None) -> Sequence[ApiKey]:
        limits.append(limit)
        return await read(limit=limit, before=before)

    monkeypatch.setattr(store, "page", counted)
    monkeypatch.setattr("imagegen.operations.key_administration._SEARCHED", searched)
    page = await office.admin(ann).page(limit=1)

    assert ([key.id for key in page.keys], page.next_before) == ([ann.id], None)
    assert limits == [max(2, searched)] * reads


async def test_pages_are_newest_first_and_skip_what_is_not_seen(office: Office) -> None:
    ann = await office.create(users=["ann"], scopes=[*ADMIN])
    hers = [ann.id]
    for _ in range(5):
        hers.append((await office.create(users=["ann"])).id)
        await office.create(users=["bob"])
    admin = office.admin(ann)

    first = await admin.page(limit=4)
    second = await admin.page(limit=4, before=first.next_before)
    pages = [key.id for key in (*first.keys, *second.keys)]
    assert (len(first.keys), second.next_before, len(pages), set(pages)) == (4, None, 6, set(hers))
    times = [key.created_at for key in (*first.keys, *second.keys)]
    assert times == sorted(times, reverse=True)

    entries = await office.audit_page(ann, limit=4)
    more = await office.audit_page(ann, limit=4, before=entries.next_before)
    ids = [entry.id for entry in (*entries.entries, *more.entries)]
    assert (len(entries.entries), len(ids), more.next_before) == (4, 6, None)
    assert ids == sorted(ids, reverse=True)


# Idempotency keys.


def sent(key: str, body: str = "0") -> Idempotency:
    return Idempotency(caller="anonymous/", route="POST /api/keys", key=key, body_sha256=body)


async def test_a_repeat_returns_the_key_without_its_token(office: Office) -> None:
    request = read_create_request({"name": "shop"}, REGISTRY)
    first = await office.admin().create(request, sent("k1"))
    again = await office.admin().create(request, sent("k1"))

    assert (first.replayed, first.token is None) == (False, False)
    assert (again.replayed, again.token, again.key) == (True, None, first.key)
    with pytest.raises(IdempotencyMismatch):
        await office.admin().create(request, sent("k1", "1"))


async def test_concurrent_repeats_create_one_key(office: Office) -> None:
    request = read_create_request({"name": "shop"}, REGISTRY)
    made = await asyncio.gather(*(office.admin().create(request, sent("k1")) for _ in range(4)))

    assert sorted(issued.replayed for issued in made) == [False, True, True, True]
    assert len({issued.key.id for issued in made}) == len(await office.stores.api_keys.all()) == 1


async def test_an_idempotency_key_is_free_again_after_a_day(office: Office) -> None:
    request = read_create_request({"name": "shop"}, REGISTRY)
    first = await office.admin().create(request, sent("k1"))
    yesterday = now() - timedelta(hours=25)
    await office.stores.api_keys._keys.update_one({"_id": first.key.id}, {"$set": {"createdAt": yesterday}})  # pyright: ignore[reportPrivateUsage] - ages it

    second = await office.admin().create(request, sent("k1", "another body"))
    assert (second.replayed, second.key.id == first.key.id) == (False, False)


async def test_a_repeated_rotation_rotates_once(office: Office) -> None:
    key, other = await office.create(), await office.create()
    first = await office.admin().rotate(key.id, sent("k1", key.id))
    again = await office.admin().rotate(key.id, sent("k1", key.id))

    assert (first.replayed, again.replayed, again.token, again.key) == (False, True, None, first.key)
    with pytest.raises(IdempotencyMismatch):
        await office.admin().rotate(other.id, sent("k1", other.id))


async def test_a_creation_that_is_repeated_after_a_rotation_tells_no_token(office: Office) -> None:
    request = read_create_request({"name": "shop"}, REGISTRY)
    first = await office.admin().create(request, sent("k1"))
    rotated = await office.admin().rotate(first.key.id)
    again = await office.admin().create(request, sent("k1"))

    assert (again.token, again.key) == (None, rotated.key)
