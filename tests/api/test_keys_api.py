"""/api/keys and /api/audit, as administrators use them."""

from collections.abc import AsyncGenerator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from dirty_equals import IsPartialDict, IsStr

from imagegen.settings import Settings
from tests.support.service import FLUX, Service, running

Json = dict[str, Any]
TOKEN = r"ig_[a-z0-9]{10}_[A-Za-z0-9]{43}"
ALL = ["admin", "generate", "read"]


@pytest.fixture
async def office(own: Settings) -> AsyncGenerator[Service]:
    """A service with a database of this test's own, which no key protects yet."""
    async with running(own, with_runner=False) as service:
        yield service


@pytest.fixture
async def root(office: Service) -> httpx.AsyncClient:
    """The client of an administrator without restrictions."""
    created = await office.client.post("/api/keys", json={"name": "root", "scopes": ALL})
    office.client.headers["Authorization"] = f"Bearer {created.json()['token']}"
    return office.client


async def created(root: httpx.AsyncClient, **members: object) -> Json:
    answer = await root.post("/api/keys", json={"name": "shop", **members})
    assert answer.status_code == 201, answer.text
    return answer.json()


def bearer(key: Json) -> dict[str, str]:
    return {"Authorization": f"Bearer {key['token']}"}


async def test_a_key_is_created_with_its_token_and_never_shown_again(root: httpx.AsyncClient) -> None:
    answer = await root.post("/api/keys", json={"name": "Ann's shop", "users": ["ann"], "defaultUser": "ann"})
    key = answer.json()
    path = answer.headers["Location"]

    assert (answer.status_code, path, answer.headers["Cache-Control"]) == (201, f"/api/keys/{key['id']}", "no-store")
    assert key == {
        "id": IsStr(regex="[a-z0-9]{10}"),
        "name": "Ann's shop",
        "users": ["ann"],
        "models": None,
        "allModels": True,
        "scopes": ["generate", "read"],
        "defaultUser": "ann",
        "allowedTags": None,
        "requiredTags": None,
        "rates": None,
        "createdAt": IsStr,
        "expiresAt": None,
        "revokedAt": None,
        "lastUsedAt": None,
        "token": IsStr(regex=TOKEN),
    }
    shown = [(await root.get(path)).text, (await root.get("/api/keys")).text, (await root.get("/api/audit")).text]
    assert [text for text in shown if key["token"].rpartition("_")[2] in text or "sha256" in text] == []
    assert (await root.get(path)).json() == {name: value for name, value in key.items() if name != "token"}


async def test_a_new_key_is_valid_at_once_and_a_revoked_one_is_not(office: Service, root: httpx.AsyncClient) -> None:
    key = await created(root)
    before = await office.client.get("/api/jobs", headers=bearer(key))
    revoked = await root.delete(f"/api/keys/{key['id']}")
    again = await root.delete(f"/api/keys/{key['id']}")
    after = await office.client.get("/api/jobs", headers=bearer(key))

    assert [before.status_code, revoked.status_code, again.status_code, after.status_code] == [200, 204, 204, 401]
    assert (await root.get(f"/api/keys/{key['id']}")).json()["revokedAt"] is not None


async def test_a_rotated_key_has_a_new_token_and_the_old_one_is_not_valid(root: httpx.AsyncClient) -> None:
    key = await created(root)
    rotated = await root.post(f"/api/keys/{key['id']}/rotate")

    assert (rotated.status_code, rotated.json()["id"]) == (200, key["id"])
    assert (await root.get("/api/jobs", headers=bearer(key))).status_code == 401
    assert (await root.get("/api/jobs", headers=bearer(rotated.json()))).status_code == 200


async def test_a_change_takes_effect_at_once(root: httpx.AsyncClient) -> None:
    key = await created(root)
    changed = await root.patch(f"/api/keys/{key['id']}", json={"users": ["ann"], "scopes": ["generate"]})

    assert (changed.status_code, changed.json()["users"], changed.json()["name"]) == (200, ["ann"], "shop")
    assert (await root.get("/api/jobs", headers=bearer(key))).status_code == 403
    refused = await root.post("/api/images/generate", json=FLUX, headers=bearer(key))
    assert (refused.status_code, refused.json()["code"]) == (403, "user_not_allowed")


async def test_null_means_all_in_a_change(root: httpx.AsyncClient) -> None:
    key = await created(root, users=["ann"], models=["flux-pro"], defaultUser="ann", expiresAt="2098-01-01T00:00:00Z")
    opened = await root.patch(
        f"/api/keys/{key['id']}", json={"users": None, "models": None, "defaultUser": None, "expiresAt": None}
    )

    members = ("users", "models", "defaultUser", "expiresAt")
    assert (opened.status_code, [opened.json()[name] for name in members]) == (200, [None] * 4)


@pytest.mark.parametrize("scopes", [["generate", "read"], ["read"], ["generate"]])
async def test_only_the_scope_admin_administers_keys(root: httpx.AsyncClient, scopes: list[str]) -> None:
    key = await created(root, scopes=scopes)
    path = f"/api/keys/{key['id']}"
    requests = [("POST", "/api/keys"), ("GET", "/api/keys"), ("GET", path), ("PATCH", path), ("DELETE", path)]
    requests += [("POST", f"{path}/rotate"), ("GET", "/api/audit")]

    answers = [await root.request(method, where, json={}, headers=bearer(key)) for method, where in requests]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(403, "insufficient_scope")}


async def test_every_fault_is_told_with_its_place(root: httpx.AsyncClient) -> None:
    body = {"name": "a\nb", "users": [], "models": ["flux-por"], "defaultUser": "bob", "hash": "x"}
    refused = await root.post("/api/keys", json=body)

    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_input")
    assert [(fault["pointer"], fault["code"]) for fault in refused.json()["errors"]] == [
        ("/name", "wrong_format"),
        ("/users", "too_short"),
        ("/hash", "unknown_name"),
        ("/models/0", "unknown_model"),
    ]


@pytest.mark.parametrize("body", ["null", "[]", '"x"', "{", ""])
async def test_a_body_that_is_no_object_is_refused(root: httpx.AsyncClient, body: str) -> None:
    key = await created(root)
    headers = {"Content-Type": "application/json"}
    answers = [
        await root.post("/api/keys", content=body, headers=headers),
        await root.patch(f"/api/keys/{key['id']}", content=body, headers=headers),
    ]

    assert [answer.status_code for answer in answers] == [400, 400]


async def test_a_key_may_have_a_thousand_users_and_no_more(root: httpx.AsyncClient) -> None:
    users = [f"user{number}" for number in range(1000)]
    assert (await created(root, users=users))["users"] == users

    for many in ([*users, "one more"], [f"user{number}" for number in range(10_000)]):
        refused = await root.post("/api/keys", json={"name": "shop", "users": many})
        assert refused.status_code in {400, 413}
        assert len(refused.content) < 10_000


async def test_unknown_and_odd_ids_are_not_found(root: httpx.AsyncClient) -> None:
    for key_id in ("ab12cd34ef", "import", "%00", "x" * 5000, "..%2F"):
        answers = [
            await root.get(f"/api/keys/{key_id}"),
            await root.patch(f"/api/keys/{key_id}", json={"name": "x"}),
            await root.delete(f"/api/keys/{key_id}"),
            await root.post(f"/api/keys/{key_id}/rotate"),
        ]
        assert {answer.status_code for answer in answers} == {404}, key_id


async def test_a_revoked_key_is_a_conflict(root: httpx.AsyncClient) -> None:
    key = await created(root)
    await root.delete(f"/api/keys/{key['id']}")
    changed = await root.patch(f"/api/keys/{key['id']}", json={"name": "x"})
    rotated = await root.post(f"/api/keys/{key['id']}/rotate")

    assert [(answer.status_code, answer.json()["code"]) for answer in (changed, rotated)] == [(409, "key_revoked")] * 2
    assert changed.json()["keyId"] == key["id"]


async def test_a_replay_has_the_key_without_its_token(root: httpx.AsyncClient) -> None:
    headers, body = {"Idempotency-Key": uuid4().hex}, {"name": "shop", "users": ["ann"]}
    first = await root.post("/api/keys", json=body, headers=headers)
    again = await root.post("/api/keys", json=body, headers=headers)
    other = await root.post("/api/keys", json={**body, "name": "other"}, headers=headers)

    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
    assert again.json() == {**first.json(), "token": None}
    assert "Idempotent-Replayed" not in first.headers
    assert (other.status_code, other.json()) == (
        409,
        IsPartialDict(code="idempotency_mismatch", keyId=first.json()["id"]),
    )


async def test_a_repeated_rotation_is_replayed(root: httpx.AsyncClient) -> None:
    key, headers = await created(root), {"Idempotency-Key": uuid4().hex}
    path = f"/api/keys/{key['id']}/rotate"
    first = await root.post(path, headers=headers)
    again = await root.post(path, headers=headers)

    assert (again.status_code, again.json()) == (200, {**first.json(), "token": None, "lastUsedAt": None})
    assert (await root.get("/api/jobs", headers=bearer(first.json()))).status_code == 200


async def test_idempotency_keys_belong_to_one_administrator(root: httpx.AsyncClient) -> None:
    other, headers = await created(root, scopes=ALL), {"Idempotency-Key": uuid4().hex}
    first = await root.post("/api/keys", json={"name": "one"}, headers=headers)
    second = await root.post("/api/keys", json={"name": "two"}, headers={**headers, **bearer(other)})

    assert [first.status_code, second.status_code] == [201, 201]
    assert first.json()["id"] != second.json()["id"]


async def test_a_restricted_admin_sees_and_grants_no_more_than_it_has(root: httpx.AsyncClient) -> None:
    ann, bob = await created(root, users=["ann"], scopes=ALL), await created(root, users=["bob"])
    hers, path = bearer(ann), f"/api/keys/{bob['id']}"

    listed = await root.get("/api/keys", headers=hers)
    assert [key["id"] for key in listed.json()["keys"]] == [ann["id"]]
    hidden = [await root.request(method, path, json={}, headers=hers) for method in ("GET", "PATCH", "DELETE")]
    hidden.append(await root.post(f"{path}/rotate", headers=hers))
    assert {(answer.status_code, answer.json()["code"]) for answer in hidden} == {(404, "key_not_found")}
    assert (await root.get("/api/audit", params={"keyId": bob["id"]}, headers=hers)).json()["entries"] == []

    wider = await root.patch(f"/api/keys/{ann['id']}", json={"users": None}, headers=hers)
    assert (wider.status_code, wider.json()["code"]) == (403, "grant_not_allowed")
    assert [fault["pointer"] for fault in wider.json()["errors"]] == ["/users"]
    assert (await root.delete(f"/api/keys/{ann['id']}", headers=hers)).status_code == 204
    assert (await root.get("/api/keys", headers=hers)).status_code == 401


async def test_the_list_has_pages(root: httpx.AsyncClient) -> None:
    made = [(await created(root))["id"] for _ in range(4)]
    first = await root.get("/api/keys", params={"limit": 3})
    second = await root.get(first.headers["Link"].partition(">")[0].removeprefix("<"))

    ids = [key["id"] for key in (*first.json()["keys"], *second.json()["keys"])]
    assert (len(ids), set(ids) >= set(made), second.json()["nextCursor"]) == (5, True, None)
    assert "Link" not in second.headers
    for cursor in ("x", "9" * 15 + "-ab12cd34ef", "1795366669381-"):
        assert (await root.get("/api/keys", params={"cursor": cursor})).status_code == 400
    assert (await root.get("/api/keys", params={"cursor": "9999999999999-ab12cd34ef"})).status_code == 200
    assert (await root.get("/api/keys", params={"name": "x"})).status_code == 400


async def test_the_audit_trail_tells_who_changed_what(root: httpx.AsyncClient) -> None:
    key = await created(root, users=["ann"])
    await root.patch(f"/api/keys/{key['id']}", json={"users": None, "name": "new"})
    await root.delete(f"/api/keys/{key['id']}")
    own = (await root.get("/api/keys")).json()["keys"][-1]

    first = (await root.get("/api/audit", params={"keyId": key["id"], "limit": 2})).json()
    second = (await root.get("/api/audit", params={"keyId": key["id"], "cursor": first["nextCursor"]})).json()
    assert [entry["action"] for entry in first["entries"]] == ["key.revoked", "key.changed"]
    assert [entry["action"] for entry in second["entries"]] == ["key.created"]
    assert first["entries"][1] == {
        "id": IsStr,
        "at": IsStr,
        "actor": own["id"],
        "action": "key.changed",
        "keyId": key["id"],
        "budgetId": None,
        "changes": {"users": {"from": ["ann"], "to": None}, "name": {"from": "shop", "to": "new"}},
    }
    everything = (await root.get("/api/audit", params={"keyId": own["id"]})).json()["entries"]
    assert [entry["actor"] for entry in everything] == ["anonymous"]


async def test_no_token_is_logged(root: httpx.AsyncClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    key = await created(root)
    rotated = (await root.post(f"/api/keys/{key['id']}/rotate")).json()

    assert [secret for secret in (key["token"], rotated["token"]) if secret in caplog.text] == []
