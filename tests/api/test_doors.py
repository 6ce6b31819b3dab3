"""Who is let in: every operation of the document is tried without a key, and with the key of somebody else."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

import httpx
import pytest
from dirty_equals import IsPartialDict
from service import FLUX, ITEM, Json, Service, running
from specimens import picture

from imagegen.api.doors import Doors, doors_for, is_open
from imagegen.errors import StartupError
from imagegen.keys import KeysFile, changing, new_key
from imagegen.registry import load_registry
from imagegen.settings import DoorSettings, ServiceSettings, Settings

METHODS: Final = {"get", "put", "post", "delete", "patch", "head", "options", "trace"}
# Operations that name no user and no job: what they answer to one key they may answer to every key.
NOBODYS: Final = {
    "GET /api/images/models",
    "GET /api/images/models/{name}",
    "POST /api/images/estimate-cost",
}
# What the holder of another key sends to get at Ann's things; an operation with a body must be here.
BODIES: Final[Mapping[str, Json]] = {
    "POST /api/images/generate": {**FLUX, "userId": "ann"},
    "POST /api/images/estimate-cost": {"model": "flux-pro"},
    "POST /api/images/batch": {"requests": [ITEM], "userId": "ann"},
}
FORMS: Final[Mapping[str, Json]] = {"POST /api/uploads": {"userId": "ann"}}


@dataclass(frozen=True, slots=True)
class House:
    """A service that wants keys, with a key of Ann's, one of Bob's, and one for everybody."""

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


def key_for(path: Path, *users: str, models: tuple[str, ...] = ()) -> dict[str, str]:
    key, token = new_key(f"for {users}", users, models, datetime.now(UTC))
    changing(path, lambda ring: ring.with_key(key))
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture(scope="module")
async def house(stack: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[House]:
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    ann, bob, everybody = key_for(path, "ann"), key_for(path, "bob", models=("flux-pro",)), key_for(path)
    doors = Doors(keys=KeysFile(path), anonymous=False, hosts=frozenset({"named.example", "*.wild.example"}))
    async with running(stack, doors=doors) as service:
        yield House(service, ann, bob, everybody)


@pytest.fixture(scope="module")
async def job_id(house: House) -> str:
    return (await house.generate(house.ann, "ann")).json()["jobId"]


async def operations(house: House) -> list[Operation]:
    document = (await house.service.client.get("/openapi.json")).json()
    return [
        Operation(method, path, details)
        for path, members in document["paths"].items()
        for method, details in members.items()
        if method in METHODS
    ]


async def attempt(operation: Operation, house: House, job_id: str, headers: Mapping[str, str]) -> httpx.Response:
    """Call the operation for Ann's things: her job in the path, her name in the query and in the body."""
    values = {"jobId": job_id, "userId": "ann", "name": "flux-pro", "number": "0", "batchId": await anns_batch(house)}
    unknown = [name for name in operation.parameters("path") if name not in values]
    assert unknown == [], f"say above what {operation.id} is to be tried with for {unknown}"
    if "requestBody" in operation.details:
        assert {*BODIES, *FORMS} & {operation.id}, f"say in BODIES or FORMS what {operation.id} is to be tried with"
    query = {name: values[name] for name in operation.parameters("query") if name in values}
    path = operation.path.format(**values)
    sent: Json = {"json": BODIES[operation.id]} if operation.id in BODIES else {}
    if operation.id in FORMS:
        sent = {"data": FORMS[operation.id], "files": {"file": picture("png")}}
    return await house.service.client.request(operation.method, path, params=query, headers=headers, **sent)


async def anns_batch(house: House) -> str:
    """The same one each time."""
    body = {"requests": [ITEM], "userId": "ann"}
    headers = {**house.ann, "Idempotency-Key": "anns-batch"}
    return (await house.service.client.post("/api/images/batch", json=body, headers=headers)).json()["batchId"]


async def test_no_operation_answers_without_a_valid_key(house: House, job_id: str) -> None:
    wrong = {"Authorization": f"{house.ann['Authorization'][:-4]}AAAA"}
    twice = {"Authorization": f"Basic x, {house.ann['Authorization']}"}
    closed = [operation for operation in await operations(house) if not is_open(operation.path)]
    answers = [
        (operation.id, answer.status_code, answer.headers.get("www-authenticate", "").partition(" ")[0])
        for operation in closed
        for headers in ({}, wrong, twice)
        for answer in [await attempt(operation, house, job_id, headers)]
    ]

    assert answers == [(operation.id, 401, "Bearer") for operation in closed for _ in range(3)]


async def test_no_operation_reaches_the_jobs_of_another_keys_user(house: House, job_id: str) -> None:
    before = (await house.get(f"/api/jobs/{job_id}", house.ann)).json()
    tried = [operation for operation in await operations(house) if not is_open(operation.path)]
    for operation in tried:
        answer = await attempt(operation, house, job_id, house.bob)
        if operation.id in NOBODYS:
            assert answer.status_code == 200, (operation.id, answer.text)
        else:
            assert answer.status_code in {403, 404}, (operation.id, answer.status_code, answer.text)
        assert FLUX["inputs"]["prompt"] not in answer.text or operation.id in NOBODYS
    after = (await house.get(f"/api/jobs/{job_id}", house.ann)).json()

    assert {"POST /api/images/generate", "GET /api/jobs", "GET /api/jobs/{jobId}"} <= {
        operation.id for operation in tried
    }
    assert without_links(after) == without_links(before)


def without_links(job: Json) -> Json:
    return {**job, "images": [{**image, "url": None} for image in job["images"]]}


async def test_anothers_job_is_told_as_one_that_does_not_exist_is(house: House, job_id: str) -> None:
    absent = f"{job_id[:-1]}{'A' if job_id[-1] != 'A' else 'B'}"
    theirs, nobodys = [await house.get(f"/api/jobs/{each}", house.bob) for each in (job_id, absent)]

    told = theirs.text.replace(job_id, absent).replace(theirs.headers["X-Request-Id"], nobodys.headers["X-Request-Id"])
    assert (theirs.status_code, told) == (404, nobodys.text)


@pytest.mark.usefixtures("job_id")
async def test_the_list_is_narrowed_to_the_users_of_the_key(house: House) -> None:
    bobs = (await house.generate(house.bob, "bob")).json()["jobId"]
    seen = {
        name: [(job["userId"], job["jobId"]) for job in (await house.get("/api/jobs?limit=2", key)).json()["jobs"]]
        for name, key in {"ann": house.ann, "bob": house.bob, "all": house.all}.items()
    }

    assert {user for user, _ in seen["ann"]} == {"ann"}
    assert {user for user, _ in seen["bob"]} == {"bob"}
    assert seen["all"] == [("bob", bobs), seen["ann"][0]]


async def test_a_user_or_model_that_the_key_is_not_for_is_named_and_nothing_is_stored(house: House) -> None:
    user = await house.generate(house.bob, "ann")
    model = await house.service.client.post(
        "/api/images/generate", json={**FLUX, "model": "flux-dev", "userId": "bob"}, headers=house.bob
    )
    estimate = await house.service.client.post(
        "/api/images/estimate-cost", json={"model": "flux-dev"}, headers=house.bob
    )

    assert [(answer.status_code, answer.json()) for answer in (user, model, estimate)] == [
        (403, IsPartialDict(code="user_not_allowed", detail="This API key may not act for user 'ann', only for: bob.")),
        (403, IsPartialDict(code="model_not_allowed")),
        (403, IsPartialDict(code="model_not_allowed")),
    ]


async def test_two_keys_do_not_share_idempotency_keys(house: House) -> None:
    shared = {"Idempotency-Key": str(uuid4())}
    own = (await house.generate(house.bob, "bob", **shared)).json()["jobId"]
    anothers = (await house.generate(house.all, "bob", **shared)).json()["jobId"]
    again = (await house.generate(house.bob, "bob", **shared)).json()["jobId"]

    assert (own == again, own == anothers) == (True, False)


async def test_a_body_is_not_read_before_the_key_is_known(house: House) -> None:
    answer = await house.service.client.post(
        "/api/images/generate", content="{", headers={"Content-Type": "application/json"}
    )

    assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/api-docs", "/openapi.json"])
async def test_health_and_documentation_need_no_key(house: House, path: str) -> None:
    assert (await house.get(path, {})).status_code == 200


@pytest.mark.parametrize("path", ["/api/nothing", "//health/live", "/api-docs/../api/jobs"])
async def test_what_does_not_exist_needs_a_key_too(house: House, path: str) -> None:
    address = str(house.service.client.base_url).rstrip("/") + path
    request = httpx.Request("GET", address, extensions={"target": path.encode()})

    assert (await house.service.client.send(request)).status_code in {401, 404}


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer"])
async def test_the_scheme_is_read_in_any_case(house: House, scheme: str) -> None:
    token = house.ann["Authorization"].removeprefix("Bearer ")

    assert (await house.get("/api/jobs", {"Authorization": f"{scheme} {token}"})).status_code == 200


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
async def test_the_service_answers_to_its_own_names(house: House, name: str) -> None:
    assert (await house.get("/health/live", {"Host": name})).status_code == 200


@pytest.mark.parametrize("name", BAD_NAMES)
async def test_a_page_that_rebinds_its_name_to_ours_is_turned_away(house: House, name: str) -> None:
    answer = await house.get("/api/jobs", {**house.all, "Host": name})

    assert (answer.status_code, answer.headers["content-type"], answer.json()["code"]) == (
        421,
        "application/problem+json",
        "misdirected_request",
    )


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/plain"}, {"Content-Type": "multipart/form-data"}])
async def test_what_a_page_may_send_anywhere_is_not_taken_for_json(house: House, headers: Mapping[str, str]) -> None:
    body = b'{"model": "flux-pro", "inputs": {"prompt": "a hat"}, "userId": "ann"}'
    answer = await house.service.client.post("/api/images/generate", content=body, headers={**house.ann, **headers})

    assert answer.status_code == 415


async def test_the_document_declares_the_key_and_what_needs_none(house: House, service: Service) -> None:
    closed, anonymous = [
        (await client.get("/openapi.json")).json() for client in (house.service.client, service.client)
    ]

    assert closed["components"]["securitySchemes"]["apiKey"] == IsPartialDict(type="http", scheme="bearer")
    assert (closed["security"], anonymous["security"]) == ([{"apiKey": []}], [{"apiKey": []}, {}])
    assert closed["paths"]["/health/live"]["get"]["security"] == []
    assert "401" in closed["paths"]["/api/jobs"]["get"]["responses"]


def wanting(**doors: object) -> Settings:
    return Settings(doors=DoorSettings.model_validate(doors))


@pytest.mark.parametrize("host", ["::", "192.168.1.5", "imagegen.example"])
async def test_beyond_loopback_keys_are_demanded_at_the_start(host: str) -> None:
    with pytest.raises(StartupError, match="IMAGEGEN_API_KEYS_FILE"):
        await doors_for(Settings(), host)


async def test_in_production_keys_are_demanded_on_loopback_too() -> None:
    service = ServiceSettings.model_validate({"env": "production"})

    with pytest.raises(StartupError, match="IMAGEGEN_ENV is production"):
        await doors_for(Settings(service=service), "127.0.0.1")


async def test_anonymous_callers_are_let_in_where_that_is_said_aloud(caplog: pytest.LogCaptureFixture) -> None:
    doors = await doors_for(wanting(allow_anonymous=True), "::")

    assert (doors.anonymous, "whoever reaches the port" in caplog.text) == (True, True)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
async def test_loopback_in_development_needs_no_key(host: str) -> None:
    assert (await doors_for(Settings(), host)).anonymous


async def test_a_file_of_keys_closes_the_doors_on_loopback_too(tmp_path: Path) -> None:
    await asyncio.to_thread(key_for, tmp_path / "keys.json")

    assert not (await doors_for(wanting(api_keys_file=tmp_path / "keys.json"), "127.0.0.1")).anonymous


async def test_a_file_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="`imagegen keys add NAME` makes it"):
        await doors_for(wanting(api_keys_file=tmp_path / "keys.json"), "127.0.0.1")


async def test_a_key_is_looked_at_where_none_is_demanded(stack: Settings, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    ann = await asyncio.to_thread(key_for, path, "ann")
    registry = await asyncio.to_thread(load_registry)
    async with running(stack, registry, doors=Doors(keys=KeysFile(path)), with_runner=False) as service:
        asked = [{}, {"Authorization": "Basic Zm9v"}, ann, {"Authorization": "Bearer wrong"}]
        answers = [await service.client.get("/api/jobs?userId=bob", headers=headers) for headers in asked]

    assert [answer.status_code for answer in answers] == [200, 200, 403, 401]
