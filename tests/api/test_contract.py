"""The service behaves as the OpenAPI document says: every example is sent, and every problem is provoked."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Unpack
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr

from imagegen.account import Account
from imagegen.api.middleware.auth import AccessPolicy
from imagegen.clock import now
from imagegen.errors import BudgetExceeded, BudgetState, DatabaseUnavailable, StaleBudget, StaleKey
from imagegen.keys import KeyScope, Rates, key_id_of
from imagegen.operations.budget_administration import MOST_BUDGETS
from imagegen.operations.key_administration import MOST_KEYS
from imagegen.registry.loading import FIRST_MODELS
from imagegen.settings import LimitSettings
from imagegen.storage.api_keys import ApiKeys
from imagegen.storage.budgets.definitions import Budgets
from tests.support.catalogs import OVER, entry, registry_with, write
from tests.support.contract import Contract, Json
from tests.support.jobs_apart import apart
from tests.support.keys import Grants, add_key, bearer
from tests.support.own_catalogs import running_with
from tests.support.raw import send
from tests.support.service import FLUX, ITEM, Sandbox, Service, running
from tests.support.specimens import picture

JSON = "application/json"
BUDGET = {"name": "Ann", "scope": {"kind": "user", "value": "ann"}, "amount": 10}
NO_JOB = "/api/jobs/01ARZ3NDEKTSV4RRFFQ69G5FAV"
Provoke = Callable[[Service, pytest.MonkeyPatch], Awaitable[httpx.Response]]


@pytest.fixture(scope="module")
async def contract(service: Service) -> Contract:
    return Contract((await service.client.get("/openapi.json")).json())


@pytest.fixture(scope="module")
async def office(service: Service) -> AsyncGenerator[Service]:
    """A service with keys, and a client that administers them: after the first key, every request needs one."""
    async with _office(service) as office:
        yield office


async def test_every_request_example_works_as_documented(service: Service, office: Service, contract: Contract) -> None:
    key, budget, sent = await a_key(office), await a_budget(office), 0
    for operation in contract.operations():
        body = operation.node.get("requestBody", {}).get("content", {})
        assert all(content.get("examples") for media_type, content in body.items() if media_type == JSON), operation.id
        if JSON in body:
            for name, example in body[JSON]["examples"].items():
                if operation.id == "generateImage" and name not in FIRST_MODELS:
                    continue  # test_example_of_every_model_generates_an_image sends these
                path = operation.path.format(keyId=key["id"], budgetId=budget["id"])
                to = office.client if path.startswith(("/api/keys", "/api/budgets")) else service.client
                headers = {"Idempotency-Key": uuid4().hex}
                answer = await to.request(operation.method, path, json=example["value"], headers=headers)
                expected = {"generateBatch": 202, "createKey": 201, "createBudget": 201}.get(operation.id, 200)
                assert (name, answer.status_code, contract.breaches(answer)) == (name, expected, [])
                sent += 1
    assert sent == len(service.services.registry.models) + len(FIRST_MODELS) + 6


@pytest.mark.parametrize(
    "path",
    [
        "/api/images/models",
        "/api/images/models/flux-dev",
        "/api/images/models/flux-dev/openapi.json",
        "/api/jobs?userId=user123&status=completed&type=image-generation&model=flux-pro&limit=2",
        "/api/usage?userId=user123&from=2026-11-01&groupBy=month",
        "/health/live",
        "/health/ready",
    ],
)
async def test_every_read_responds_as_documented(service: Service, contract: Contract, path: str) -> None:
    answer = await service.client.get(path)

    assert (answer.status_code, contract.breaches(answer)) == (200, [])


async def test_uploads_and_images_are_as_documented(service: Service, contract: Contract) -> None:
    uploaded = await service.client.post("/api/uploads", data={"userId": "user123"}, files={"file": picture("png")})
    job = (await service.generate()).json()
    shown = await service.client.get(f"/api/images/{job['jobId']}/0")
    deleted = await service.client.delete(f"/api/jobs/{job['jobId']}")

    answers = [uploaded, shown, deleted]
    assert [answer.status_code for answer in answers] == [201, 302, 204]
    assert [contract.breaches(answer) for answer in answers] == [[], [], []]


async def test_keys_and_the_audit_trail_are_as_documented(office: Service, contract: Contract) -> None:
    key, headers = await a_key(office), {"Idempotency-Key": uuid4().hex}
    path = f"/api/keys/{key['id']}"
    answers = [
        await office.client.post("/api/keys", json={"name": "shop"}, headers=headers),
        await office.client.post("/api/keys", json={"name": "shop"}, headers=headers),
        await office.client.get("/api/keys", params={"limit": 1}),
        await office.client.get(path),
        await office.client.patch(path, json={"users": None}),
        await office.client.post(f"{path}/rotate", headers=headers),
        await office.client.post(f"{path}/rotate", headers=headers),
        await office.client.delete(path),
        await office.client.get("/api/audit", params={"limit": 1, "keyId": key["id"]}),
    ]

    assert [answer.status_code for answer in answers] == [201, 201, 200, 200, 200, 200, 200, 204, 200]
    assert [breach for answer in answers for breach in contract.breaches(answer)] == []


async def test_budgets_are_as_documented(office: Service, contract: Contract) -> None:
    budget, headers = await a_budget(office), {"Idempotency-Key": uuid4().hex}
    path = f"/api/budgets/{budget['id']}"
    answers = [
        await office.client.post("/api/budgets", json=BUDGET, headers=headers),
        await office.client.post("/api/budgets", json=BUDGET, headers=headers),
        await office.client.get("/api/budgets", params={"limit": 1}),
        await office.client.get(path),
        await office.client.patch(path, json={"amount": 5}),
        await office.client.post(f"{path}/adjust", json={"amount": 5, "reason": "more"}, headers=headers),
        await office.client.post(f"{path}/adjust", json={"amount": 5, "reason": "more"}, headers=headers),
        await office.client.get(f"{path}/ledger"),
        await office.client.delete(path),
        await office.client.get("/api/audit", params={"limit": 1, "budgetId": budget["id"]}),
    ]

    assert [answer.status_code for answer in answers] == [201, 201, 200, 200, 200, 200, 200, 200, 204, 200]
    assert [breach for answer in answers for breach in contract.breaches(answer)] == []


async def a_budget(office: Service) -> Json:
    return (await office.client.post("/api/budgets", json=BUDGET)).json()


async def a_key(office: Service, **members: object) -> Json:
    return (await office.client.post("/api/keys", json={"name": "shop", **members})).json()


async def test_job_is_as_documented_at_every_stage(service: Service, sandbox: Sandbox, contract: Contract) -> None:
    await sandbox.misbehaves({"fault": "latency", "generation": 0.5})
    key = uuid4().hex
    accepted = await service.generate(prefer="respond-async", idempotency_key=key)
    path = accepted.headers["Location"]
    under_way = await service.client.get(path)
    replayed = await service.generate(prefer="wait=20", idempotency_key=key)
    ended = await service.client.get(path)

    answers = [accepted, under_way, replayed, ended]
    assert [answer.status_code for answer in answers] == [202, 200, 200, 200]
    assert [contract.breaches(answer) for answer in answers] == [[], [], [], []]


async def test_batch_is_as_documented_at_every_stage(service: Service, contract: Contract) -> None:
    accepted = await service.batch(ITEM, ITEM)
    path = accepted.headers["Location"]
    ended = await service.client.get(path, params={"wait": 30})
    unchanged = await service.client.get(path, headers={"If-None-Match": ended.headers["ETag"]})

    answers = [accepted, ended, unchanged]
    assert [answer.status_code for answer in answers] == [202, 200, 304]
    assert [contract.breaches(answer) for answer in answers] == [[], [], []]


async def test_failed_job_is_as_documented(service: Service, sandbox: Sandbox, contract: Contract) -> None:
    await sandbox.misbehaves({"fault": "model_fails", "status": 422, "type": "some_type", "message": "No."})
    failed = await service.generate()

    job = await service.client.get(failed.headers["Location"])

    assert (contract.breaches(failed), contract.breaches(job), job.json()["status"]) == ([], [], "failed")


def test_undocumented_response_is_detected(contract: Contract) -> None:
    request = httpx.Request("GET", "http://service/health/live")
    other_status = httpx.Response(204, request=request)
    other_members = httpx.Response(200, json={"state": 1}, headers={"X-New": "1"}, request=request)

    assert contract.breaches(other_status) == ["status 204 is not in the document"]
    assert contract.breaches(other_members) == [
        "header x-new is not in the document",
        "$: Additional properties are not allowed ('state' was unexpected)",
        "$: 'status' is a required property",
    ]


async def invalid_input(service: Service, _: pytest.MonkeyPatch) -> httpx.Response:
    return await service.generate({**FLUX, "inputs": {}})


async def unknown_model(service: Service, _: pytest.MonkeyPatch) -> httpx.Response:
    return await service.generate({**FLUX, "model": "flux-prp"})


async def invalid_query(service: Service, _: pytest.MonkeyPatch) -> httpx.Response:
    return await service.client.get("/api/jobs", params={"limit": 101})


async def job_not_found(service: Service, _: pytest.MonkeyPatch) -> httpx.Response:
    return await service.client.get(NO_JOB)


async def job_finished(service: Service, _: pytest.MonkeyPatch) -> httpx.Response:
    job_id = (await service.generate()).json()["jobId"]
    return await service.client.post(f"/api/jobs/{job_id}/cancel")


async def idempotency_mismatch(service: Service, _: pytest.MonkeyPatch) -> httpx.Response:
    key = uuid4().hex
    await service.generate(idempotency_key=key)
    return await service.generate({**FLUX, "inputs": {"prompt": "another"}}, idempotency_key=key)


async def unsupported_media_type(service: Service, _: pytest.MonkeyPatch) -> httpx.Response:
    return await service.client.post("/api/images/estimate-cost", data={"model": "flux-pro"})


async def batch_not_found(service: Service, _: pytest.MonkeyPatch) -> httpx.Response:
    return await service.client.get("/api/batches/01ARZ3NDEKTSV4RRFFQ69G5FAV")


async def image_not_found(service: Service, _: pytest.MonkeyPatch) -> httpx.Response:
    job = (await service.generate()).json()
    return await service.client.get(f"/api/images/{job['jobId']}/7")


async def link_not_found(service: Service, _: pytest.MonkeyPatch) -> httpx.Response:
    return await service.client.get(f"/i/{'A' * 52}")


async def link_ended(service: Service, _: pytest.MonkeyPatch) -> httpx.Response:
    job = (await service.generate()).json()
    await service.client.delete(f"/api/jobs/{job['jobId']}")
    return await service.client.get(job["images"][0]["link"])


async def image_gone(service: Service, _: pytest.MonkeyPatch) -> httpx.Response:
    image = (await service.generate()).json()["images"][0]
    await service.services.images.delete(image["key"])
    return await service.client.get(image["link"])


async def range_not_satisfiable(service: Service, _: pytest.MonkeyPatch) -> httpx.Response:
    image = (await service.generate()).json()["images"][0]
    return await service.client.get(image["link"], headers={"Range": f"bytes={image['sizeBytes']}-"})


async def job_unfinished(service: Service, _: pytest.MonkeyPatch) -> httpx.Response:
    await service.sandbox.misbehaves({"fault": "latency", "generation": 0.5})
    return await service.client.delete(f"/api/jobs/{await service.accept()}")


async def not_to_be_retried(service: Service, _: pytest.MonkeyPatch) -> httpx.Response:
    job = (await service.generate()).json()
    return await service.client.post(f"/api/jobs/{job['jobId']}/retry")


async def job_deleted(service: Service, _: pytest.MonkeyPatch) -> httpx.Response:
    job = (await service.generate()).json()
    await service.client.delete(f"/api/jobs/{job['jobId']}")
    return await service.client.get(f"/api/jobs/{job['jobId']}")


async def model_retired(service: Service, _: pytest.MonkeyPatch) -> httpx.Response:
    registry = await asyncio.to_thread(registry_with, entry("flux-old", OVER))
    async with running(service.services.settings, registry, with_runner=False) as other:
        return await other.client.post("/api/images/generate", json={**FLUX, "model": "flux-old"})


async def catalog_refused(service: Service, _: pytest.MonkeyPatch) -> httpx.Response:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "models.yaml"
        write(file, entry("poster"))
        async with running_with(apart(service.services.settings), file, with_runner=False) as other:
            write(file, entry("poster").replace("0.1", "-1"))
            return await other.client.post("/api/admin/catalog/reload")


async def unsupported_picture(service: Service, _: pytest.MonkeyPatch) -> httpx.Response:
    return await service.client.post("/api/uploads", data={"userId": "user123"}, files={"file": b"no picture"})


async def not_acceptable(service: Service, _: pytest.MonkeyPatch) -> httpx.Response:
    return await service.client.get(NO_JOB, headers={"Accept": "text/html"})


async def body_too_large(service: Service, _: pytest.MonkeyPatch) -> httpx.Response:
    return await service.client.post("/api/images/generate", content=b" " * (21 * 2**20 + 1))


async def headers_too_large(service: Service, _: pytest.MonkeyPatch) -> httpx.Response:
    return await service.client.get(NO_JOB, headers={"X-Padding": "x" * 2**15})


async def request_timeout(service: Service, _: pytest.MonkeyPatch) -> httpx.Response:
    path = "/api/images/estimate-cost"
    half = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{{".encode()
    limits = LimitSettings(receive_timeout=timedelta(seconds=0.2))
    settings = service.services.settings.model_copy(update={"limits": limits})
    async with running(settings, with_runner=False) as impatient:
        answer = await send(impatient, half)
    request = service.client.build_request("POST", path)
    return httpx.Response(answer.status, headers=answer.headers, content=answer.body, request=request)


async def input_refused(service: Service, _: pytest.MonkeyPatch) -> httpx.Response:
    await service.sandbox.misbehaves({"fault": "model_fails", "type": "content_policy_violation"})
    return await service.generate()


async def output_refused(service: Service, _: pytest.MonkeyPatch) -> httpx.Response:
    await service.sandbox.misbehaves({"fault": "model_fails", "type": "no_media_generated"})
    return await service.generate()


async def provider_rejected(service: Service, _: pytest.MonkeyPatch) -> httpx.Response:
    await service.sandbox.misbehaves({"fault": "model_fails", "type": "image_load_error"})
    return await service.generate()


async def provider_account(service: Service, _: pytest.MonkeyPatch) -> httpx.Response:
    """Use a separate key, because the pause that follows stops every other request with the key."""
    settings = service.services.settings
    apart = {
        "fal": settings.fal.model_copy(update={"key": SecretStr("locked-account:secret-of-the-tests")}),
        "nats": settings.nats.model_copy(update={"stream": "locked-account"}),
        "mongodb": settings.mongodb.model_copy(update={"database": f"{settings.mongodb.database}-locked"}),
    }
    async with running(settings.model_copy(update=apart)) as other:
        locked = {"detail": "User is locked. Reason: Exhausted balance."}
        await other.sandbox.misbehaves({"fault": "submit_status", "status": 403, "body": locked, "times": 1})
        return await other.generate()


async def too_many_streams(service: Service, _: pytest.MonkeyPatch) -> httpx.Response:
    limits = LimitSettings(max_streams=0)
    settings = service.services.settings.model_copy(update={"limits": limits})
    async with running(settings, with_runner=False) as closed:
        return await closed.client.get(f"{NO_JOB}/events")


async def unavailable(service: Service, monkeypatch: pytest.MonkeyPatch) -> httpx.Response:
    monkeypatch.setattr(service.services.jobs, "get", raises(DatabaseUnavailable()))
    return await service.client.get(NO_JOB)


async def internal_error(service: Service, monkeypatch: pytest.MonkeyPatch) -> httpx.Response:
    monkeypatch.setattr(service.services.jobs, "get", raises(ZeroDivisionError()))
    return await service.client.get(NO_JOB)


async def unauthorized(service: Service, _: pytest.MonkeyPatch) -> httpx.Response:
    return await _at_the_door(service, has_key=False)


async def user_not_allowed(service: Service, _: pytest.MonkeyPatch) -> httpx.Response:
    return await _at_the_door(service, users=["ann"])


async def insufficient_scope(service: Service, _: pytest.MonkeyPatch) -> httpx.Response:
    return await _at_the_door(service, scopes=[KeyScope.READ])


async def _at_the_door(
    service: Service, *, has_key: bool = True, body: Json = FLUX, times: int = 1, **grants: Unpack[Grants]
) -> httpx.Response:
    """Request images of user123 from a service that requires keys; the last answer."""
    settings = apart(service.services.settings)
    token = await add_key(settings, **grants)
    async with running(settings, access=AccessPolicy(keys_required=True), with_runner=False) as closed:
        headers = {**(bearer(token) if has_key else {}), "Prefer": "respond-async"}
        for _ in range(times - 1):
            await closed.client.post("/api/images/generate", json=body, headers=headers)
        return await closed.client.post("/api/images/generate", json=body, headers=headers)


async def beyond_rate(service: Service, _: pytest.MonkeyPatch) -> httpx.Response:
    return await _at_the_door(service, rates=Rates(images_per_minute=3), body={**FLUX, "options": {"num_images": 4}})


async def rate_limited(service: Service, _: pytest.MonkeyPatch) -> httpx.Response:
    return await _at_the_door(service, rates=Rates(requests_per_minute=1), times=2)


async def key_not_found(service: Service, _: pytest.MonkeyPatch) -> httpx.Response:
    return await service.client.get("/api/keys/ab12cd34ef")


async def key_revoked(service: Service, _: pytest.MonkeyPatch) -> httpx.Response:
    async with _office(service) as office:
        client = office.client
        key = (await client.post("/api/keys", json={"name": "shop"})).json()
        await client.delete(f"/api/keys/{key['id']}")
        return await client.patch(f"/api/keys/{key['id']}", json={"name": "new"})


async def key_expired(service: Service, _: pytest.MonkeyPatch) -> httpx.Response:
    async with _office(service) as office:
        token = await add_key(office.services.settings, expires_at=now())
        return await office.client.post(f"/api/keys/{key_id_of(token)}/rotate")


async def key_conflict(service: Service, monkeypatch: pytest.MonkeyPatch) -> httpx.Response:
    async def lose(*_: object) -> None:
        raise StaleKey("ab12cd34ef")

    async with _office(service) as office:
        client = office.client
        key = (await client.post("/api/keys", json={"name": "shop"})).json()
        monkeypatch.setattr(ApiKeys, "save", lose)
        return await client.patch(f"/api/keys/{key['id']}", json={"name": "new"})


async def grant_not_allowed(service: Service, _: pytest.MonkeyPatch) -> httpx.Response:
    async with _office(service, users=["ann"]) as office:
        return await office.client.post("/api/keys", json={"name": "shop"})


async def budget_exceeded(service: Service, monkeypatch: pytest.MonkeyPatch) -> httpx.Response:
    state = BudgetState(
        id="01M8234QW3Q4S6B1JX6Z7T0RND",
        name="Ann",
        holder="ann",
        limit=Decimal(10),
        used=Decimal("9.9"),
        reserved=Decimal("0.08"),
        resets_at=now(),
    )

    async def refuse(_: object) -> None:
        raise BudgetExceeded([state], Decimal("0.05"))

    monkeypatch.setattr(Account, "require", refuse)
    return await service.generate()


async def budget_not_found(service: Service, _: pytest.MonkeyPatch) -> httpx.Response:
    return await service.client.get("/api/budgets/01ARZ3NDEKTSV4RRFFQ69G5FAV")


async def too_many_keys(service: Service, monkeypatch: pytest.MonkeyPatch) -> httpx.Response:
    async def count(_: object) -> int:
        return MOST_KEYS

    async with _office(service) as office:
        monkeypatch.setattr(ApiKeys, "count", count)
        return await office.client.post("/api/keys", json={"name": "one more"})


async def budget_deleted(service: Service, _: pytest.MonkeyPatch) -> httpx.Response:
    async with _office(service) as office:
        path = f"/api/budgets/{(await a_budget(office))['id']}"
        await office.client.delete(path)
        return await office.client.patch(path, json={"amount": 5})


async def budget_conflict(service: Service, monkeypatch: pytest.MonkeyPatch) -> httpx.Response:
    async def lose(*_: object) -> None:
        raise StaleBudget("01ARZ3NDEKTSV4RRFFQ69G5FAV")

    async with _office(service) as office:
        path = f"/api/budgets/{(await a_budget(office))['id']}"
        monkeypatch.setattr(Budgets, "save", lose)
        return await office.client.patch(path, json={"amount": 5})


async def too_many_budgets(service: Service, monkeypatch: pytest.MonkeyPatch) -> httpx.Response:
    async def count(_: object) -> int:
        return MOST_BUDGETS

    async with _office(service) as office:
        monkeypatch.setattr(Budgets, "count", count)
        return await office.client.post("/api/budgets", json=BUDGET)


@asynccontextmanager
async def _office(service: Service, users: Sequence[str] = ()) -> AsyncGenerator[Service]:
    """A service with the client of an administrator, in a database without other keys."""
    settings = apart(service.services.settings)
    token = await add_key(settings, scopes=list(KeyScope), users=users)
    async with running(settings, with_runner=False) as office:
        office.client.headers.update(bearer(token))
        yield office


def raises(error: Exception) -> Callable[[str], Awaitable[None]]:
    async def get(_job_id: str) -> None:
        raise error

    return get


PROVOCATIONS: dict[str, Provoke] = {
    provoke.__name__: provoke
    for provoke in (
        invalid_input,
        unknown_model,
        invalid_query,
        unauthorized,
        user_not_allowed,
        insufficient_scope,
        grant_not_allowed,
        beyond_rate,
        rate_limited,
        key_not_found,
        key_revoked,
        key_expired,
        key_conflict,
        too_many_keys,
        catalog_refused,
        budget_exceeded,
        budget_not_found,
        budget_deleted,
        budget_conflict,
        too_many_budgets,
        job_not_found,
        job_finished,
        batch_not_found,
        image_not_found,
        link_not_found,
        link_ended,
        image_gone,
        range_not_satisfiable,
        job_unfinished,
        job_deleted,
        model_retired,
        not_to_be_retried,
        unsupported_picture,
        not_acceptable,
        request_timeout,
        body_too_large,
        headers_too_large,
        input_refused,
        output_refused,
        idempotency_mismatch,
        unsupported_media_type,
        provider_rejected,
        provider_account,
        too_many_streams,
        unavailable,
        internal_error,
    )
}


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize("code", PROVOCATIONS)
async def test_every_problem_matches_its_example(
    code: str, service: Service, contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = await PROVOCATIONS[code](service, monkeypatch)
    monkeypatch.undo()

    responses = contract.operation(answer.request).node["responses"]
    examples: Json = responses[str(answer.status_code)]["content"]["application/problem+json"]["examples"]
    assert contract.breaches(answer) == []
    assert form(answer.json()) == form(examples[code]["value"])


def test_every_example_of_a_problem_is_provoked(contract: Contract) -> None:
    codes = {
        code
        for operation in contract.operations()
        for answer in operation.node["responses"].values()
        for code in answer.get("content", {}).get("application/problem+json", {}).get("examples", {})
    }

    assert codes == set(PROVOCATIONS)


def form(problem: Json) -> Json:
    """The stable part of a problem: its members, and the values that programs check."""
    fixed = {name: value for name, value in problem.items() if name in {"type", "title", "status", "code"}}
    faults = [sorted(fault) for fault in problem.get("errors", [])]
    return {**dict.fromkeys(problem), **fixed, "errors": faults}
