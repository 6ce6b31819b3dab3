"""Access: every operation of the document is tried without a key, and with the key of another user."""

from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

import httpx
import pytest
from dirty_equals import IsPartialDict

from imagegen.api.middleware.auth import AccessPolicy, build_access_policy
from imagegen.api.openapi.examples import BUDGET_ID
from imagegen.keys import key_id_of
from imagegen.settings import AuthSettings, ServiceSettings, Settings
from tests.support.jobs_apart import apart
from tests.support.keys import add_key, bearer
from tests.support.service import FLUX, ITEM, Json, Service, running
from tests.support.specimens import picture

METHODS: Final = {"get", "put", "post", "delete", "patch", "head", "options", "trace"}
# Operations that name no user and no job: every key may get the same response.
SHARED: Final = {
    "GET /api/images/models",
    "GET /api/images/models/{name}",
    "GET /api/images/models/{name}/openapi.json",
    "POST /api/images/estimate-cost",
}
# Bodies with which the holder of another key tries to reach Ann's jobs. Every operation with a body must be here.
BODIES: Final[Mapping[str, Json]] = {
    "POST /api/images/generate": {**FLUX, "userId": "ann"},
    "POST /api/images/estimate-cost": {"model": "flux-pro"},
    "POST /api/images/batch": {"requests": [ITEM], "userId": "ann"},
    "POST /api/keys": {"name": "Bob's", "users": ["ann"]},
    "PATCH /api/keys/{keyId}": {"users": ["bob"]},
    "POST /api/budgets": {"name": "Ann", "scope": {"kind": "user", "value": "ann"}, "amount": 1},
    "PATCH /api/budgets/{budgetId}": {"amount": 1},
    "POST /api/budgets/{budgetId}/adjust": {"amount": 1, "reason": "more"},
}
FORMS: Final[Mapping[str, Json]] = {"POST /api/uploads": {"userId": "ann"}}


@dataclass(frozen=True, slots=True)
class KeyedService:
    """A service that requires keys, with a key for Ann, one for Bob, and one for all users."""

    service: Service
    ann: Mapping[str, str]
    bob: Mapping[str, str]
    all: Mapping[str, str]

    async def generate(self, headers: Mapping[str, str], user: str, **more: str) -> httpx.Response:
        return await self.service.client.post(
            "/api/images/generate", json={**FLUX, "userId": user}, headers={**headers, **more}
        )

    async def get(self, path: str, headers: Mapping[str, str]) -> httpx.Response:
        return await self.service.client.get(path, headers=headers)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the OpenAPI document."""

    method: str
    path: str
    details: Json

    @property
    def id(self) -> str:
        return f"{self.method.upper()} {self.path}"

    def parameters(self, place: str) -> Iterator[str]:
        yield from (each["name"] for each in self.details.get("parameters", []) if each["in"] == place)


@pytest.fixture(scope="module")
async def keyed(stack: Settings) -> AsyncGenerator[KeyedService]:
    settings = apart(stack)
    ann = await add_key(settings, users=["ann"])
    bob = await add_key(settings, users=["bob"], models=["flux-pro"])
    access = AccessPolicy(keys_required=True, hosts=frozenset({"named.example", "*.wild.example"}))
    async with running(settings, access=access) as service:
        yield KeyedService(service, bearer(ann), bearer(bob), bearer(await add_key(settings)))


@pytest.fixture(scope="module")
async def job_id(keyed: KeyedService) -> str:
    return (await keyed.generate(keyed.ann, "ann")).json()["jobId"]


async def operations(keyed: KeyedService) -> list[Operation]:
    document = (await keyed.service.client.get("/openapi.json")).json()
    return [
        Operation(method, path, details)
        for path, members in document["paths"].items()
        for method, details in members.items()
        if method in METHODS
    ]


async def attempt(operation: Operation, keyed: KeyedService, job_id: str, headers: Mapping[str, str]) -> httpx.Response:
    """Call the operation for Ann: her job in the path, her name in the query and in the body."""
    values = {"jobId": job_id, "userId": "ann", "name": "flux-pro", "number": "0", "batchId": await anns_batch(keyed)}
    values["budgetId"], values["token"] = BUDGET_ID, "A" * 52
    values["keyId"] = key_id_of(keyed.ann["Authorization"].removeprefix("Bearer "))
    unknown = [name for name in operation.parameters("path") if name not in values]
    assert unknown == [], f"say above what {operation.id} is to be tried with for {unknown}"
    if "requestBody" in operation.details:
        assert {*BODIES, *FORMS} & {operation.id}, f"say in BODIES or FORMS what {operation.id} is to be tried with"
    query = {name: values[name] for name in operation.parameters("query") if name in values}
    path = operation.path.format(**values)
    sent: Json = {"json": BODIES[operation.id]} if operation.id in BODIES else {}
    if operation.id in FORMS:
        sent = {"data": FORMS[operation.id], "files": {"file": picture("png")}}
    return await keyed.service.client.request(operation.method, path, params=query, headers=headers, **sent)


async def anns_batch(keyed: KeyedService) -> str:
    """The id of Ann's batch, the same at each call."""
    body = {"requests": [ITEM], "userId": "ann"}
    headers = {**keyed.ann, "Idempotency-Key": "anns-batch"}
    return (await keyed.service.client.post("/api/images/batch", json=body, headers=headers)).json()["batchId"]


async def test_every_keyed_operation_requires_a_valid_key(keyed: KeyedService, job_id: str) -> None:
    wrong = {"Authorization": f"{keyed.ann['Authorization'][:-4]}AAAA"}
    twice = {"Authorization": f"Basic x, {keyed.ann['Authorization']}"}
    closed = [operation for operation in await operations(keyed) if operation.details.get("security") != []]
    answers = [
        (operation.id, answer.status_code, answer.headers.get("www-authenticate", "").partition(" ")[0])
        for operation in closed
        for headers in ({}, wrong, twice)
        for answer in [await attempt(operation, keyed, job_id, headers)]
    ]

    assert answers == [(operation.id, 401, "Bearer") for operation in closed for _ in range(3)]


async def test_no_operation_reaches_jobs_of_another_keys_user(keyed: KeyedService, job_id: str) -> None:
    before = (await keyed.get(f"/api/jobs/{job_id}", keyed.ann)).json()
    tried = [operation for operation in await operations(keyed) if operation.details.get("security") != []]
    for operation in tried:
        answer = await attempt(operation, keyed, job_id, keyed.bob)
        if operation.id in SHARED:
            assert answer.status_code == 200, (operation.id, answer.text)
        else:
            assert answer.status_code in {403, 404}, (operation.id, answer.status_code, answer.text)
        assert FLUX["inputs"]["prompt"] not in answer.text or operation.id in SHARED
    after = (await keyed.get(f"/api/jobs/{job_id}", keyed.ann)).json()

    assert {"POST /api/images/generate", "GET /api/jobs", "GET /api/jobs/{jobId}"} <= {
        operation.id for operation in tried
    }
    assert without_links(after) == without_links(before)


def without_links(job: Json) -> Json:
    return {**job, "images": [{**image, "url": None} for image in job["images"]]}


async def test_job_of_another_user_looks_like_an_unknown_job(keyed: KeyedService, job_id: str) -> None:
    absent = f"{job_id[:-1]}{'A' if job_id[-1] != 'A' else 'B'}"
    theirs, unknown = [await keyed.get(f"/api/jobs/{each}", keyed.bob) for each in (job_id, absent)]

    shown = theirs.text.replace(job_id, absent).replace(theirs.headers["X-Request-Id"], unknown.headers["X-Request-Id"])
    assert (theirs.status_code, shown) == (404, unknown.text)


@pytest.mark.usefixtures("job_id")
async def test_list_has_only_jobs_of_the_keys_users(keyed: KeyedService) -> None:
    bobs = (await keyed.generate(keyed.bob, "bob")).json()["jobId"]
    seen = {
        name: [(job["userId"], job["jobId"]) for job in (await keyed.get("/api/jobs?limit=2", key)).json()["jobs"]]
        for name, key in {"ann": keyed.ann, "bob": keyed.bob, "all": keyed.all}.items()
    }

    assert {user for user, _ in seen["ann"]} == {"ann"}
    assert {user for user, _ in seen["bob"]} == {"bob"}
    assert seen["all"] == [("bob", bobs), seen["ann"][0]]


async def test_forbidden_user_or_model_is_named_and_nothing_is_stored(keyed: KeyedService) -> None:
    user = await keyed.generate(keyed.bob, "ann")
    model = await keyed.service.client.post(
        "/api/images/generate", json={**FLUX, "model": "flux-dev", "userId": "bob"}, headers=keyed.bob
    )
    estimate = await keyed.service.client.post(
        "/api/images/estimate-cost", json={"model": "flux-dev"}, headers=keyed.bob
    )

    assert [(answer.status_code, answer.json()) for answer in (user, model, estimate)] == [
        (403, IsPartialDict(code="user_not_allowed", detail="This API key may not act for user 'ann', only for: bob.")),
        (403, IsPartialDict(code="model_not_allowed")),
        (403, IsPartialDict(code="model_not_allowed")),
    ]


async def test_api_keys_do_not_share_idempotency_keys(keyed: KeyedService) -> None:
    shared = {"Idempotency-Key": str(uuid4())}
    own = (await keyed.generate(keyed.bob, "bob", **shared)).json()["jobId"]
    anothers = (await keyed.generate(keyed.all, "bob", **shared)).json()["jobId"]
    again = (await keyed.generate(keyed.bob, "bob", **shared)).json()["jobId"]

    assert (own == again, own == anothers) == (True, False)


async def test_body_is_not_read_before_the_key_is_checked(keyed: KeyedService) -> None:
    answer = await keyed.service.client.post(
        "/api/images/generate", content="{", headers={"Content-Type": "application/json"}
    )

    assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/", "/health/live", "/health/ready", "/api-docs", "/openapi.json"])
async def test_health_and_documentation_need_no_key(keyed: KeyedService, path: str) -> None:
    assert (await keyed.get(path, {})).status_code == 200


@pytest.mark.parametrize("path", ["/api/nothing", "//health/live", "/api-docs/../api/jobs"])
async def test_unknown_path_needs_a_key_too(keyed: KeyedService, path: str) -> None:
    address = str(keyed.service.client.base_url).rstrip("/") + path
    request = httpx.Request("GET", address, extensions={"target": path.encode()})

    assert (await keyed.service.client.send(request)).status_code in {401, 404}


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer"])
async def test_bearer_scheme_is_case_insensitive(keyed: KeyedService, scheme: str) -> None:
    token = keyed.ann["Authorization"].removeprefix("Bearer ")

    assert (await keyed.get("/api/jobs", {"Authorization": f"{scheme} {token}"})).status_code == 200


GOOD_NAMES: Final = [
    "localhost",
    "LOCALHOST:80",
    "x.localhost",
    "127.0.0.1:5000",
    "[::1]:1",
    "10.1.2.3",
    "named.example",
]
BAD_NAMES: Final = [
    "evil.example",
    "localhost.evil.example",
    "wild.example",
    "127.0.0.1.evil.example",
    "",
    "[::1",
    "a@b",
]


@pytest.mark.parametrize("name", [*GOOD_NAMES, "named.example.", "a.b.wild.example:443"])
async def test_service_accepts_its_own_host_names(keyed: KeyedService, name: str) -> None:
    assert (await keyed.get("/health/live", {"Host": name})).status_code == 200


@pytest.mark.parametrize("name", BAD_NAMES)
async def test_dns_rebinding_is_refused(keyed: KeyedService, name: str) -> None:
    answer = await keyed.get("/api/jobs", {**keyed.all, "Host": name})

    assert (answer.status_code, answer.headers["content-type"], answer.json()["code"]) == (
        421,
        "application/problem+json",
        "misdirected_request",
    )


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/plain"}, {"Content-Type": "multipart/form-data"}])
async def test_simple_cross_origin_body_is_not_read_as_json(keyed: KeyedService, headers: Mapping[str, str]) -> None:
    body = b'{"model": "flux-pro", "inputs": {"prompt": "a hat"}, "userId": "ann"}'
    answer = await keyed.service.client.post("/api/images/generate", content=body, headers={**keyed.ann, **headers})

    assert answer.status_code == 415


async def test_document_declares_which_operations_need_a_key(keyed: KeyedService, service: Service) -> None:
    closed, anonymous = [
        (await client.get("/openapi.json")).json() for client in (keyed.service.client, service.client)
    ]

    assert closed["components"]["securitySchemes"]["apiKey"] == IsPartialDict(type="http", scheme="bearer")
    assert (closed["security"], anonymous["security"]) == ([{"apiKey": []}], [{"apiKey": []}, {}])
    assert closed["paths"]["/health/live"]["get"]["security"] == []
    assert "401" in closed["paths"]["/api/jobs"]["get"]["responses"]


def wanting(**auth: object) -> Settings:
    return Settings(auth=AuthSettings.model_validate(auth))


@pytest.mark.parametrize(
    ("settings", "host", "required"),
    [
        (Settings(), "127.0.0.1", False),
        (Settings(), "::1", False),
        (Settings(), "localhost", False),
        (Settings(), "::", True),
        (Settings(), "192.168.1.5", True),
        (Settings(), "imagegen.example", True),
        (Settings(service=ServiceSettings.model_validate({"env": "production"})), "127.0.0.1", True),
        (wanting(allow_anonymous=True), "::", False),
    ],
)
def test_key_is_required_beyond_loopback_and_in_production(settings: Settings, host: str, *, required: bool) -> None:
    assert build_access_policy(settings, host).always_requires_key is required


def test_anonymous_callers_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    build_access_policy(wanting(allow_anonymous=True), "::")

    assert "any caller that reaches the port" in caplog.text


async def test_optional_key_must_be_valid(own: Settings) -> None:
    ann = bearer(await add_key(own, users=["ann"]))
    async with running(own, access=AccessPolicy(allow_anonymous=True), with_runner=False) as service:
        asked = [{}, {"Authorization": "Basic Zm9v"}, ann, {"Authorization": "Bearer wrong"}]
        answers = [await service.client.get("/api/jobs?userId=bob", headers=headers) for headers in asked]

    assert [answer.status_code for answer in answers] == [200, 200, 403, 401]
