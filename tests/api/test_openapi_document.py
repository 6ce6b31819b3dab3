"""How documents are served: compressed, with a tag, cut down to some models, and made once, in a thread."""

import asyncio
import json
import threading
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest
from dirty_equals import IsPartialDict, IsStr

from imagegen.api import create_app, openapi_json
from imagegen.api.document_response import takes_gzip
from imagegen.api.openapi.written import MOST_KEPT, WrittenDocuments
from imagegen.registry import Registry, load_registry
from tests.support.catalogs import entry, registry_with
from tests.support.service import Service

Json = dict[str, Any]
BODIES = ("/api/images/generate", "/api/images/estimate-cost", "/api/images/batch")


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


@pytest.fixture(scope="module")
async def client(registry: Registry) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of the routes alone. Middleware needs services, which no document does."""
    async with client_of(registry) as client:
        yield client


def client_of(registry: Registry) -> httpx.AsyncClient:
    app = create_app(registry)
    app.user_middleware.clear()
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost")


async def document(client: httpx.AsyncClient, models: str | None = None) -> Json:
    answer = await client.get("/openapi.json", params=None if models is None else {"models": models})
    assert answer.status_code == 200, answer.text
    return answer.json()


def models_of(document: Json) -> list[set[str]]:
    """The models of each union of requests, as its tags, and those with an example."""
    schemas = document["components"]["schemas"]
    paths = ("/api/images/generate", "/api/images/estimate-cost")
    unions = [set(schemas[name]["discriminator"]["mapping"]) for name in ("GenerateRequest", "EstimateRequest")]
    bodies = [document["paths"][path]["post"]["requestBody"]["content"]["application/json"] for path in paths]
    batch = document["paths"]["/api/images/batch"]["post"]["requestBody"]["content"]["application/json"]
    in_batch = {request["model"] for request in batch["examples"]["example"]["value"]["requests"]}
    assert in_batch <= set(schemas["BatchItem"]["discriminator"]["mapping"])
    return [*unions, set(schemas["BatchItem"]["discriminator"]["mapping"]), *(set(body["examples"]) for body in bodies)]


async def test_document_is_compressed_for_who_takes_gzip(client: httpx.AsyncClient) -> None:
    packed = await client.get("/openapi.json", headers={"Accept-Encoding": "gzip, br"})
    plain = await client.get("/openapi.json", headers={"Accept-Encoding": "identity"})

    assert dict(packed.headers) == IsPartialDict(
        {
            "content-type": "application/json",
            "content-encoding": "gzip",
            "vary": "Accept-Encoding",
            "etag": IsStr(regex=r'W/"[0-9a-f]{32}"'),
            "cache-control": "private, no-cache",
        }
    )
    assert "content-encoding" not in plain.headers
    assert plain.headers["vary"] == "Accept-Encoding"
    assert plain.headers["etag"] == packed.headers["etag"]
    assert plain.content == packed.content  # httpx has decompressed it
    assert int(packed.headers["content-length"]) < len(plain.content) / 5


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        (None, False),
        ("", False),
        ("gzip", True),
        ("deflate, GZIP;q=0.5", True),
        ("x-gzip", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("*;q=0", False),
        ("br, zstd", False),
        ("gzip;q=a", False),
        ("gzip ; q=1.0", True),
    ],
)
def test_weights_of_accept_encoding_count(header: str | None, taken: bool) -> None:
    assert takes_gzip(header) is taken


@pytest.mark.parametrize("path", ["/openapi.json", "/openapi.json?models=flux-pro"])
async def test_known_document_is_not_sent_again(client: httpx.AsyncClient, path: str) -> None:
    tag = (await client.get(path)).headers["etag"]

    known = await client.get(path, headers={"If-None-Match": f'"other", {tag}'})
    other = await client.get(path, headers={"If-None-Match": '"other"'})

    assert (known.status_code, known.content, other.status_code) == (304, b"", 200)
    assert dict(known.headers) == IsPartialDict({"etag": tag, "vary": "Accept-Encoding"})


async def test_document_is_cut_to_the_named_models(client: httpx.AsyncClient, registry: Registry) -> None:
    whole, cut = await document(client), await document(client, "flux-dev,face-swap")

    assert models_of(whole) == [set(registry.models)] * 5
    assert models_of(cut) == [{"flux-dev", "face-swap"}] * 5
    assert {name for name in whole["components"]["schemas"] if name.startswith("FluxPro")} != set()
    assert {name for name in cut["components"]["schemas"] if name.startswith("FluxPro")} == set()
    assert {name: part for name, part in cut.items() if name not in {"paths", "components"}} == {
        name: part for name, part in whole.items() if name not in {"paths", "components"}
    }
    assert cut["paths"].keys() == whole["paths"].keys()


async def test_cut_document_has_what_it_refers_to_and_no_more(client: httpx.AsyncClient) -> None:
    for names in ("flux-lora", "face-swap,nano-banana-edit"):
        cut = await document(client, names)
        text = json.dumps(cut)
        kinds = {kind: named for kind, named in cut["components"].items() if kind != "securitySchemes"}
        components = {f"#/components/{kind}/{name}" for kind, named in kinds.items() for name in named}
        assert {each.split('"')[0] for each in text.split('"$ref": "')[1:]} == components


async def test_batch_example_has_only_models_of_the_document(client: httpx.AsyncClient) -> None:
    schemas = (await document(client, "face-swap"))["components"]["schemas"]

    (batch,) = schemas["BatchRequest"]["examples"]
    assert [(request["model"], "userId" in request) for request in batch["requests"]] == [("face-swap", False)]


async def test_order_spaces_repetitions_and_aliases_make_no_difference(client: httpx.AsyncClient) -> None:
    offered = ("flux-pro", "flux-dev", "flux-lora")
    tags = {
        (await client.get("/openapi.json", params={"models": names})).headers["etag"]
        for names in ("flux-pro,flux-dev", "flux-dev, flux-pro", ",flux-pro,flux-dev,flux-pro,")
    }
    async with client_of(load_registry(offered=offered)) as few:
        whole = (await few.get("/openapi.json")).headers["etag"]
        everything = await few.get("/openapi.json", params={"models": ",".join(offered)})

    assert len(tags) == 1
    assert everything.headers["etag"] == whole


async def test_model_has_a_document_of_its_own(service: Service) -> None:
    path = "/api/images/models/flux-pro/openapi.json"
    answer = await service.client.get(path)
    known = await service.client.get(path, headers={"If-None-Match": answer.headers["etag"]})

    assert answer.json() == await document(service.client, "flux-pro")
    assert models_of(answer.json()) == [{"flux-pro"}] * 5
    assert known.status_code == 304


async def test_unknown_model_has_no_document(service: Service) -> None:
    answer = await service.client.get("/api/images/models/fal-ai/flux/dev/openapi.json")

    assert (answer.status_code, answer.json()) == (
        404,
        IsPartialDict({"code": "unknown_model", "suggestion": "flux-dev"}),
    )


@pytest.mark.parametrize(
    ("query", "code", "words"),
    [
        ("models=", "missing", "must name at least one model"),
        ("models=,%20,", "missing", "must name at least one model"),
        ("models=flux-pro&models=flux-dev", "conflict", "given 2 times"),
        ("models=flux-prp", "unknown_model", "Did you mean 'flux-pro'?"),
        ("models=" + ",".join(f"m{number}" for number in range(21)), "too_long", "at most 20 models"),
    ],
)
async def test_unfit_query_is_refused(client: httpx.AsyncClient, query: str, code: str, words: str) -> None:
    answer = await client.get(f"/openapi.json?{query}")

    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    problem = answer.json()
    assert problem["code"] == "invalid_query"
    assert [(fault["pointer"], fault["location"], fault["code"]) for fault in problem["errors"]] == [
        ("models", "query", code)
    ]
    assert words in problem["errors"][0]["message"]


async def test_every_unknown_model_is_a_fault(client: httpx.AsyncClient, registry: Registry) -> None:
    answer = await client.get("/openapi.json?models=flux-prp,flux-pro,nothing-like-it")

    first, second = answer.json()["errors"]
    assert (first["suggestion"], first["valid"]) == ("flux-pro", [*registry.models])
    assert second["message"].startswith("In the query parameter models: There is no model 'nothing-like-it'.")


async def test_other_parameters_are_ignored(client: httpx.AsyncClient) -> None:
    assert (await client.get("/openapi.json?v=2")).json() == await document(client)


class Slow:
    """Makes documents when it is permitted to, and counts them."""

    def __init__(self) -> None:
        self.made, self.threads, self.may_go_on = 0, set[str](), threading.Event()

    def build(self, needs_key: bool) -> Json:
        assert self.may_go_on.wait(10)
        self.made += 1
        self.threads.add(threading.current_thread().name)
        return {"needsKey": needs_key, "made": self.made}


async def test_requests_at_the_same_time_share_one_document_made_in_a_thread() -> None:
    slow = Slow()
    documents = WrittenDocuments(slow.build, lambda: False)

    asked = [asyncio.create_task(documents.whole()) for _ in range(5)]
    await asyncio.sleep(0)
    asked[0].cancel()
    slow.may_go_on.set()
    found = await asyncio.gather(*asked[1:])

    assert (slow.made, len({each.tag for each in found})) == (1, 1)
    assert threading.main_thread().name not in slow.threads
    assert asked[0].cancelled()


async def test_document_follows_whether_a_key_is_needed() -> None:
    needs_key, slow = False, Slow()
    slow.may_go_on.set()
    documents = WrittenDocuments(slow.build, lambda: needs_key)

    first = json.loads(await (await documents.whole()).plain())
    needs_key = True
    second = json.loads(await (await documents.whole()).plain())
    needs_key = False
    third = json.loads(await (await documents.whole()).plain())

    assert [each["needsKey"] for each in (first, second, third)] == [False, True, False]
    assert slow.made == 2


async def test_failed_document_is_made_again() -> None:
    failures = [ValueError("a defect")]

    def build(_needs_key: bool) -> Json:
        if failures:
            raise failures.pop()
        return {}

    documents = WrittenDocuments(build, lambda: False)
    with pytest.raises(ValueError, match="a defect"):
        await documents.whole()

    assert await (await documents.whole()).plain() == b"{}"


async def test_only_the_last_cut_documents_are_kept(registry: Registry) -> None:
    documents: WrittenDocuments = create_app(registry).state.documents
    names = [*registry.models][:6]
    sets = [frozenset({one, other}) for one in names for other in names if one < other]  # 15 pairs
    sets += [frozenset({name}) for name in names[:2]]
    assert len(sets) == MOST_KEPT + 1

    first = await documents.of_models(sets[0])
    assert await documents.of_models(sets[0]) is first
    for models in sets[1:MOST_KEPT]:
        await documents.of_models(models)
    assert await documents.of_models(sets[0]) is first  # now the last one used
    await documents.of_models(sets[MOST_KEPT])
    assert await documents.of_models(sets[0]) is first
    kept = await documents.of_models(sets[2])
    again = await documents.of_models(sets[1])

    assert await documents.of_models(sets[2]) is kept
    assert again.tag == (await documents.of_models(sets[1])).tag


def test_document_of_one_model_has_unions_of_one() -> None:
    document = json.loads(openapi_json(load_registry((), ["flux-pro"])))

    assert models_of(document) == [{"flux-pro"}] * 5
    assert document["components"]["schemas"]["GenerateRequest"]["oneOf"] == [
        {"$ref": "#/components/schemas/FluxProRequest"}
    ]


def test_model_with_the_name_of_another_schema_takes_nothing_from_it() -> None:
    document = json.loads(openapi_json(registry_with(entry("change-key"))))
    schemas = document["components"]["schemas"]

    body = document["paths"]["/api/keys/{keyId}"]["patch"]["requestBody"]["content"]["application/json"]
    assert body["schema"] == {"$ref": "#/components/schemas/ChangeKeyRequest"}
    assert "rates" in schemas["ChangeKeyRequest"]["properties"]
    assert "model" not in schemas["ChangeKeyRequest"]["examples"][0]
    assert schemas["GenerateRequest"]["discriminator"]["mapping"]["change-key"].endswith("/ChangeKeyRequest2")
    assert schemas["GenerateRequest"]["oneOf"][-1]["$ref"].endswith("/ChangeKeyRequest2")
    assert schemas["ChangeKeyRequest2"]["properties"]["model"]["const"] == "change-key"
    body = document["paths"]["/api/images/generate"]["post"]["requestBody"]["content"]["application/json"]
    assert body["examples"]["change-key"]["value"]["model"] == "change-key"


def test_examples_begin_with_flux_pro_whatever_a_catalog_adds() -> None:
    short = entry("art", "example: {inputs: {prompt: x}}")
    paths = json.loads(openapi_json(registry_with(short)))["paths"]

    bodies = [paths[path]["post"]["requestBody"]["content"]["application/json"]["examples"] for path in BODIES]
    assert [list(examples)[:3] for examples in bodies[:2]] == [["flux-pro", "flux-dev", "art"]] * 2
    assert [request["model"] for request in bodies[2]["example"]["value"]["requests"]] == ["flux-pro", "flux-dev"]
