"""/api/budgets, as administrators use it."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx
import pytest
from dirty_equals import IsPartialDict, IsStr

from imagegen.clock import now
from imagegen.settings import Settings
from imagegen.storage.budgets.ledger import LedgerEntry, LedgerKind
from tests.support.service import Service, running

Json = dict[str, Any]
ANN: Json = {"kind": "user", "value": "ann"}
ULID = "[0-9A-Z]{26}"
NO_BUDGET = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


@pytest.fixture
async def office(own: Settings) -> AsyncGenerator[Service]:
    """A service with a database of this test's own, whose client is an administrator without restrictions."""
    async with running(own, with_runner=False) as service:
        made = await service.client.post("/api/keys", json={"name": "root", "scopes": ["admin", "generate", "read"]})
        service.client.headers["Authorization"] = f"Bearer {made.json()['token']}"
        yield service


@pytest.fixture
def root(office: Service) -> httpx.AsyncClient:
    return office.client


async def created(root: httpx.AsyncClient, **members: object) -> Json:
    answer = await root.post("/api/budgets", json={"name": "Ann", "scope": ANN, "amount": 10, **members})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def adjusted(root: httpx.AsyncClient, budget: Json, **members: object) -> httpx.Response:
    headers = {"Idempotency-Key": uuid4().hex}
    body = {"amount": 5, "reason": "more", **members}
    return await root.post(f"/api/budgets/{budget['id']}/adjust", json=body, headers=headers)


async def test_a_budget_is_created_and_shown_with_what_is_left(root: httpx.AsyncClient) -> None:
    body = {"name": "Ann in a month", "scope": ANN, "amount": 12.345678, "period": "month", "timeZone": "Europe/Berlin"}
    answer = await root.post("/api/budgets", json=body)
    budget = answer.json()
    path = answer.headers["Location"]

    assert (answer.status_code, path) == (201, f"/api/budgets/{budget['id']}")
    assert answer.headers["Cache-Control"] == "no-store"
    assert budget == {
        "id": IsStr(regex=ULID),
        **body,
        "currency": "USD",
        "counts": "charge",
        "models": None,
        "alerts": [50, 80, 100],
        "hard": True,
        "webhookUrl": None,
        "createdAt": IsStr,
        "deletedAt": None,
        "adjustments": [],
        "limit": 12.345678,
        "used": 0.0,
        "reserved": 0.0,
        "remaining": 12.345678,
        "overBy": 0.0,
        "resetsAt": IsStr,
        "holders": [],
    }
    assert datetime.fromisoformat(budget["resetsAt"]) > datetime.now(UTC)
    assert (await root.get(path)).json() == budget
    assert (await root.get("/api/budgets")).json() == {"budgets": [budget], "nextCursor": None}


async def test_a_wallet_never_resets_and_has_no_zone(root: httpx.AsyncClient) -> None:
    budget = await created(root, period=None)

    assert (budget["period"], budget["timeZone"], budget["resetsAt"]) == (None, None, None)


async def test_a_budget_that_each_user_has_shows_its_holders(root: httpx.AsyncClient) -> None:
    budget = await created(root, scope={"kind": "user", "value": "*"})

    members = ("used", "reserved", "remaining", "overBy")
    assert ([budget[name] for name in members], budget["limit"], budget["holders"]) == ([None] * 4, 10.0, [])


async def test_a_change_takes_effect_at_once(office: Service, root: httpx.AsyncClient) -> None:
    budget = await created(root)
    changed = await root.patch(f"/api/budgets/{budget['id']}", json={"amount": 20, "hard": False, "models": None})

    assert (changed.status_code, changed.json()) == (
        200,
        {**budget, "amount": 20.0, "limit": 20.0, "remaining": 20.0, "hard": False},
    )
    assert [each.amount for each in office.services.budget_directory.current()] == [Decimal(20)]


async def test_a_deleted_budget_is_shown_and_not_listed(office: Service, root: httpx.AsyncClient) -> None:
    budget = await created(root)
    path = f"/api/budgets/{budget['id']}"
    deleted = [(await root.delete(path)).status_code for _ in range(2)]

    assert (deleted, (await root.get(path)).json()["deletedAt"] is not None) == ([204, 204], True)
    assert (await root.get("/api/budgets")).json()["budgets"] == []
    assert list(office.services.budget_directory.current()) == []
    answers = [await root.patch(path, json={"name": "x"}), await adjusted(root, budget)]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(409, "budget_deleted")] * 2
    assert answers[0].json()["budgetId"] == budget["id"]


async def test_an_adjustment_is_in_the_limit_and_in_the_ledger(root: httpx.AsyncClient) -> None:
    budget = await created(root)
    answer = await adjusted(root, budget, amount=2.5, reason="For the fair")
    ledger = (await root.get(f"/api/budgets/{budget['id']}/ledger")).json()

    adjustment = {"id": IsStr, "amount": 2.5, "reason": "For the fair", "createdAt": IsStr, "until": None}
    assert (answer.status_code, answer.json()) == (
        200,
        {**budget, "adjustments": [adjustment], "limit": 12.5, "remaining": 12.5},
    )
    assert ledger == {
        "entries": [
            {
                "id": IsStr,
                "at": IsStr,
                "kind": "adjust",
                "amount": 2.5,
                "reserved": None,
                "holder": None,
                "period": None,
                "jobId": None,
                "reason": "For the fair",
            }
        ],
        "nextCursor": None,
    }


async def test_adjustments_at_once_are_all_made(root: httpx.AsyncClient) -> None:
    budget = await created(root)

    answers = await asyncio.gather(*(adjusted(root, budget, amount=1) for _ in range(30)))

    assert {answer.status_code for answer in answers} == {200}
    assert (await root.get(f"/api/budgets/{budget['id']}")).json()["limit"] == 40


async def test_an_adjustment_needs_an_idempotency_key(root: httpx.AsyncClient) -> None:
    budget = await created(root)
    refused = await root.post(f"/api/budgets/{budget['id']}/adjust", json={"amount": 1, "reason": "x"})
    both = await root.post(f"/api/budgets/{budget['id']}/adjust", json={"amount": 0, "reason": "x"})

    assert refused.status_code == 400
    assert refused.json()["errors"] == [
        {
            "pointer": "Idempotency-Key",
            "code": "missing",
            "message": "The header Idempotency-Key is required.",
            "location": "header",
        }
    ]
    assert [fault["pointer"] for fault in both.json()["errors"]] == ["/amount", "Idempotency-Key"]
    assert (await root.get(f"/api/budgets/{budget['id']}")).json() == budget


async def test_a_repeated_adjustment_adds_once(root: httpx.AsyncClient) -> None:
    budget, headers = await created(root), {"Idempotency-Key": uuid4().hex}
    path, body = f"/api/budgets/{budget['id']}/adjust", {"amount": 5, "reason": "more"}
    first = await root.post(path, json=body, headers=headers)
    again = await root.post(path, json=body, headers=headers)
    other = await root.post(path, json={**body, "amount": 6}, headers=headers)
    another = await root.post(f"/api/budgets/{(await created(root))['id']}/adjust", json=body, headers=headers)

    assert (again.status_code, again.json(), again.headers["Idempotent-Replayed"]) == (200, first.json(), "true")
    assert "Idempotent-Replayed" not in first.headers
    for refused in (other, another):
        assert (refused.status_code, refused.json()) == (
            409,
            IsPartialDict(code="idempotency_mismatch", budgetId=budget["id"]),
        )
    assert (await root.get(f"/api/budgets/{budget['id']}")).json()["limit"] == 15.0


async def test_a_repeated_creation_is_replayed(root: httpx.AsyncClient) -> None:
    headers, body = {"Idempotency-Key": uuid4().hex}, {"name": "Ann", "scope": ANN, "amount": 10}
    first = await root.post("/api/budgets", json=body, headers=headers)
    again = await root.post("/api/budgets", json=body, headers=headers)

    assert (again.status_code, again.json(), again.headers["Idempotent-Replayed"]) == (201, first.json(), "true")
    assert len((await root.get("/api/budgets")).json()["budgets"]) == 1


async def test_every_fault_is_told_with_its_place(root: httpx.AsyncClient) -> None:
    body = {"name": "Ann", "scope": {"kind": "key", "value": "ab12cd34ef"}, "amount": 1, "timeZone": "UTC"}
    refused = await root.post("/api/budgets", json={**body, "counts": "provider", "hard": True, "models": ["x"]})

    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_input")
    assert [(fault["pointer"], fault["code"]) for fault in refused.json()["errors"]] == [
        ("/models/0", "unknown_model"),
        ("/timeZone", "conflict"),
        ("/hard", "not_allowed"),
        ("/scope/value", "not_allowed"),
    ]


@pytest.mark.parametrize("body", ["null", "[]", '"x"', "{", ""])
async def test_a_body_that_is_no_object_is_refused(root: httpx.AsyncClient, body: str) -> None:
    path, headers = f"/api/budgets/{(await created(root))['id']}", {"Content-Type": "application/json"}
    answers = [
        await root.post("/api/budgets", content=body, headers=headers),
        await root.patch(path, content=body, headers=headers),
        await root.post(f"{path}/adjust", content=body, headers={**headers, "Idempotency-Key": "k"}),
    ]

    assert [answer.status_code for answer in answers] == [400, 400, 400]


async def test_what_cannot_be_changed_is_told_so(root: httpx.AsyncClient) -> None:
    budget = await created(root)
    refused = await root.patch(f"/api/budgets/{budget['id']}", json={"scope": {"kind": "all"}, "period": "day"})

    assert refused.status_code == 400
    assert [fault["message"] for fault in refused.json()["errors"]] == [
        f"{name} cannot be changed: create another budget, then delete this one." for name in ("scope", "period")
    ]


async def test_unknown_and_odd_ids_are_not_found(root: httpx.AsyncClient) -> None:
    for budget_id in (NO_BUDGET, "x", "%00", "x" * 5000, "..%2F"):
        path = f"/api/budgets/{budget_id}"
        answers = [
            await root.get(path),
            await root.patch(path, json={"name": "x"}),
            await root.delete(path),
            await adjusted(root, {"id": budget_id}),
            await root.get(f"{path}/ledger"),
        ]
        assert {answer.status_code for answer in answers} == {404}, budget_id


@pytest.mark.parametrize("scopes", [["generate", "read"], ["read"], ["generate"]])
async def test_only_the_scope_admin_administers_budgets(root: httpx.AsyncClient, scopes: list[str]) -> None:
    key = (await root.post("/api/keys", json={"name": "shop", "scopes": scopes})).json()
    headers = {"Authorization": f"Bearer {key['token']}", "Idempotency-Key": "k"}
    path = f"/api/budgets/{(await created(root))['id']}"
    requests = [("POST", "/api/budgets"), ("GET", "/api/budgets"), ("GET", path), ("PATCH", path), ("DELETE", path)]
    requests += [("POST", f"{path}/adjust"), ("GET", f"{path}/ledger")]

    answers = [await root.request(method, where, json={}, headers=headers) for method, where in requests]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(403, "insufficient_scope")}
    assert all("needs the scope 'admin';" in answer.json()["detail"] for answer in answers)


async def test_a_restricted_admin_sees_and_limits_only_its_users(root: httpx.AsyncClient) -> None:
    scopes = ["admin", "generate", "read"]
    key = (await root.post("/api/keys", json={"name": "ann", "users": ["ann"], "scopes": scopes})).json()
    hers = {"Authorization": f"Bearer {key['token']}"}
    visible, hidden = await created(root), await created(root, scope={"kind": "all"})

    listed = await root.get("/api/budgets", headers=hers)
    assert [budget["id"] for budget in listed.json()["budgets"]] == [visible["id"]]
    refused = await root.get(f"/api/budgets/{hidden['id']}", headers=hers)
    assert (refused.status_code, refused.json()["code"]) == (404, "budget_not_found")
    wider = await root.post("/api/budgets", json={"name": "x", "scope": {"kind": "all"}, "amount": 1}, headers=hers)
    assert (wider.status_code, wider.json()["code"]) == (403, "grant_not_allowed")
    assert [fault["pointer"] for fault in wider.json()["errors"]] == ["/scope/kind"]


async def test_the_list_has_pages(root: httpx.AsyncClient) -> None:
    made = [(await created(root))["id"] for _ in range(4)]
    first = await root.get("/api/budgets", params={"limit": 3})
    second = await root.get(first.headers["Link"].partition(">")[0].removeprefix("<"))

    ids = [budget["id"] for budget in (*first.json()["budgets"], *second.json()["budgets"])]
    assert (ids, second.json()["nextCursor"], "Link" in second.headers) == (made[::-1], None, False)
    assert (await root.get("/api/budgets", params={"cursor": "x"})).status_code == 400


async def test_the_ledger_has_pages_and_can_be_of_one_job(office: Service, root: httpx.AsyncClient) -> None:
    budget, at = await created(root), now()
    jobs = [f"01M8232K259GS0AHXP5V3YPE{number:02}" for number in range(5)]
    await office.services.ledger.add(
        [
            LedgerEntry(
                id=f"{budget['id']}/all/ünï & ann/{job}/1/reserve",
                at=at,
                budget_id=budget["id"],
                kind=LedgerKind.RESERVE,
                amount=Decimal("0.05"),
                holder="ünï & ann",
                period="all",
                job_id=job,
            )
            for job in jobs
        ]
    )
    path = f"/api/budgets/{budget['id']}/ledger"
    first = await root.get(path, params={"limit": 3})
    second = await root.get(first.headers["Link"].partition(">")[0].removeprefix("<"))
    third = await root.get(path, params={"limit": 3, "cursor": first.json()["nextCursor"]})
    one = await root.get(path, params={"jobId": jobs[2]})

    entries = [*first.json()["entries"], *second.json()["entries"]]
    assert [entry["jobId"] for entry in entries] == jobs[::-1]
    assert (second.json()["nextCursor"], third.json()) == (None, second.json())
    assert one.json()["entries"] == [
        IsPartialDict(jobId=jobs[2], kind="reserve", amount=0.05, holder="ünï & ann", period="all", reserved=None)
    ]
    for cursor in ("x", "1795366669381-", f"{'9' * 15}-x", f"1795366669381-{'x' * 500}"):
        assert (await root.get(path, params={"cursor": cursor})).status_code == 400


async def test_the_audit_trail_has_the_changes_of_budgets(root: httpx.AsyncClient) -> None:
    budget = await created(root)
    await root.patch(f"/api/budgets/{budget['id']}", json={"amount": 20})
    trail = await root.get("/api/audit", params={"budgetId": budget["id"]})
    everything = (await root.get("/api/audit")).json()["entries"]

    first, second = trail.json()["entries"]
    assert first == {
        "id": IsStr,
        "at": IsStr,
        "actor": IsStr,
        "action": "budget.changed",
        "keyId": None,
        "budgetId": budget["id"],
        "changes": {"amount": {"from": "10", "to": "20"}},
    }
    assert second["action"] == "budget.created"
    assert [entry["action"] for entry in everything] == ["budget.changed", "budget.created", "key.created"]
