"""The document has what generators need, and openapi.json is current."""

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from typer.testing import CliRunner

from imagegen.api import openapi_json
from imagegen.cli.app import app
from imagegen.operations.admin_requests import NULL_MEANS
from imagegen.registry import load_registry
from imagegen.webhooks import URL_PATTERN
from tests.support.contract import Contract

COMMITTED = Path(__file__).parent.parent.parent / "openapi.json"
PROBLEM, JSON = "application/problem+json", "application/json"


@pytest.fixture(scope="module")
def contract() -> Contract:
    return Contract(json.loads(openapi_json(load_registry())))


def nodes(node: object, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every node of the document with its place, except those within examples."""
    if isinstance(node, dict):
        members = cast("dict[str, Any]", node)
        yield place, members
        for name, member in members.items():
            if name != "examples":
                yield from nodes(member, f"{place}/{name}")
    elif isinstance(node, list):
        for item in cast("list[object]", node):
            yield from nodes(item, place)


def test_committed_document_is_current(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    printed = CliRunner().invoke(app, ["openapi"]).stdout

    assert printed == COMMITTED.read_text(encoding="utf-8"), "run `make openapi`"


def test_operation_ids_suit_client_methods(contract: Contract) -> None:
    assert {operation.id: f"{operation.method} {operation.path}" for operation in contract.operations()} == {
        "listModels": "GET /api/images/models",
        "getModel": "GET /api/images/models/{name}",
        "getModelDocument": "GET /api/images/models/{name}/openapi.json",
        "estimateCost": "POST /api/images/estimate-cost",
        "generateImage": "POST /api/images/generate",
        "generateBatch": "POST /api/images/batch",
        "getBatch": "GET /api/batches/{batchId}",
        "cancelBatch": "POST /api/batches/{batchId}/cancel",
        "getPicture": "GET /api/images/{jobId}/{number}",
        "openLink": "GET /i/{token}",
        "uploadPicture": "POST /api/uploads",
        "listJobs": "GET /api/jobs",
        "getJob": "GET /api/jobs/{jobId}",
        "cancelJob": "POST /api/jobs/{jobId}/cancel",
        "streamJobEvents": "GET /api/jobs/{jobId}/events",
        "retryJob": "POST /api/jobs/{jobId}/retry",
        "deleteJob": "DELETE /api/jobs/{jobId}",
        "listDeliveries": "GET /api/jobs/{jobId}/deliveries",
        "getUsage": "GET /api/usage",
        "createKey": "POST /api/keys",
        "listKeys": "GET /api/keys",
        "getKey": "GET /api/keys/{keyId}",
        "changeKey": "PATCH /api/keys/{keyId}",
        "revokeKey": "DELETE /api/keys/{keyId}",
        "rotateKey": "POST /api/keys/{keyId}/rotate",
        "createBudget": "POST /api/budgets",
        "listBudgets": "GET /api/budgets",
        "getBudget": "GET /api/budgets/{budgetId}",
        "changeBudget": "PATCH /api/budgets/{budgetId}",
        "deleteBudget": "DELETE /api/budgets/{budgetId}",
        "adjustBudget": "POST /api/budgets/{budgetId}/adjust",
        "listLedgerEntries": "GET /api/budgets/{budgetId}/ledger",
        "listAuditEntries": "GET /api/audit",
        "reloadCatalog": "POST /api/admin/catalog/reload",
        "getLiveness": "GET /health/live",
        "getReadiness": "GET /health/ready",
    }


def test_everything_is_described(contract: Contract) -> None:
    described = {tag["name"] for tag in contract.document["tags"] if tag["description"]}
    members = {
        f"{name}.{member}": node.get("description") or contract.schemas[node["$ref"].rpartition("/")[2]]["description"]
        for name, schema in contract.schemas.items()
        for member, node in schema.get("properties", {}).items()
    }

    for operation in contract.operations():
        assert set(operation.node["tags"]) <= described
        parameters = {parameter["name"]: parameter["description"] for parameter in operation.node.get("parameters", [])}
        answers = {status: answer["description"] for status, answer in operation.node["responses"].items()}
        assert "" not in {operation.node["summary"], operation.node["description"], *parameters.values()}
        assert {"", "Successful Response"}.isdisjoint(answers.values()), operation.id
    assert "" not in members.values()
    assert [name for name, schema in contract.schemas.items() if not schema.get("description")] == []


def test_every_error_is_a_problem_with_an_example(contract: Contract) -> None:
    for operation in contract.operations():
        for status, answer in operation.node["responses"].items():
            if int(status) >= 400 and (operation.id, status) != ("getReadiness", "503"):
                (content,) = answer["content"].items()
                assert content[0] == PROBLEM
                assert content[1]["schema"] == {"$ref": "#/components/schemas/Problem"}
                assert {example["value"]["status"] for example in content[1]["examples"].values()} == {int(status)}


def test_common_errors_follow_from_body_and_query(contract: Contract) -> None:
    statuses = {operation.id: set(operation.node["responses"]) for operation in contract.operations()}

    assert statuses["estimateCost"] == {"200", "400", "401", "403", "406", "408", "413", "415", "431", "500", "503"}
    assert statuses["listJobs"] == {"200", "400", "401", "403", "406", "408", "431", "500", "503"}
    assert statuses["getLiveness"] == {"200", "406", "408", "431", "500"}


def test_every_example_fits_its_schema(contract: Contract) -> None:
    faults = {
        place: contract.faults(example, node)
        for place, node in nodes(contract.document)
        if "type" in node or "$ref" in node
        for example in node.get("examples", [])
    }

    assert len(faults) > 50
    assert {place: found for place, found in faults.items() if found} == {}


def test_only_the_document_has_a_title(contract: Contract) -> None:
    titled = [place for place, node in nodes(contract.document) if isinstance(node.get("title"), str)]

    assert titled == ["/info"]


def test_optional_members_are_never_null_unless_null_has_a_meaning(contract: Contract) -> None:
    optional = {
        f"{place}/{name}": member
        for place, node in nodes(contract.schemas)
        for name, member in node.get("properties", {}).items()
        if name not in node.get("required", []) and NULL_MEANS not in member
    }
    parameters = {
        f"{operation.id} {parameter['name']}": parameter["schema"]
        for operation in contract.operations()
        for parameter in operation.node.get("parameters", [])
    }

    nullable = [
        place for place, schema in (optional | parameters).items() if {"type": "null"} in schema.get("anyOf", [])
    ]
    assert nullable == []


def test_integer_bounds_are_exact(contract: Contract) -> None:
    seed = contract.resolved(contract.schemas["FluxProInputs"]["properties"]["seed"])

    assert (repr(seed["minimum"]), repr(seed["maximum"])) == ("0", "9223372036854775807")


def test_status_of_a_job_is_an_open_string(contract: Contract) -> None:
    assert {"enum", "const"}.isdisjoint(contract.schemas["Job"]["properties"]["status"])


def test_licence_contact_and_server_are_named(contract: Contract) -> None:
    info = contract.document["info"]

    assert info["license"] == {"name": "MIT", "identifier": "MIT"}
    assert info["contact"]["name"]
    assert [server["url"] for server in contract.document["servers"]] == ["/"]


def test_webhooks_are_tagged_and_internal(contract: Contract) -> None:
    operations = [each for item in contract.document["webhooks"].values() for each in item.values()]

    assert [each["operationId"] for each in operations] == ["jobEnded", "budgetReached"]
    assert [(each["tags"], each["x-internal"]) for each in operations] == [(["webhooks"], True)] * 2
    assert "webhooks" in {tag["name"] for tag in contract.document["tags"]}


def test_no_description_repeats_its_summary(contract: Contract) -> None:
    repeated = [
        operation.id
        for operation in contract.operations()
        if operation.node["summary"].rstrip(".") == operation.node["description"].rstrip(".")
    ]

    assert repeated == []


def test_open_enums_list_their_known_values(contract: Contract) -> None:
    found = {
        f"{name}.{member}": schema
        for name, owner in contract.schemas.items()
        for member, schema in owner.get("properties", {}).items()
        if "x-extensible-enum" in schema
    }

    assert {"Job.status", "JobEvent.stage", "JobFailure.code", "Problem.code", "ProblemFault.code"} <= set(found)
    assert set(found["Problem.code"]["x-extensible-enum"]) >= problem_codes(contract)
    for place, schema in found.items():
        assert {"enum", "const"}.isdisjoint(schema), place
        assert "more may come" in schema["description"], place


def problem_codes(contract: Contract) -> set[str]:
    return {
        code
        for operation in contract.operations()
        for answer in operation.node["responses"].values()
        for code in answer.get("content", {}).get(PROBLEM, {}).get("examples", {})
    }


def unfinished_examples(operation: dict[str, Any]) -> list[Any]:
    content = operation["responses"].get("202", {}).get("content", {}).get(JSON)
    return list(content["examples"].values()) if content else []


def test_example_of_a_202_has_not_ended(contract: Contract) -> None:
    shown = {
        operation.id: example["value"]
        for operation in contract.operations()
        for example in unfinished_examples(operation.node)
    }

    assert {name: value["status"] for name, value in shown.items()} == {
        "generateImage": "queued",
        "retryJob": "queued",
        "generateBatch": "running",
        "cancelJob": "running",
        "cancelBatch": "running",
    }
    for name, value in shown.items():
        kind = "Batch" if "batchId" in value and "counts" in value else "Job"
        assert contract.faults(value, {"$ref": f"#/components/schemas/{kind}"}) == [], name


def request_examples(contract: Contract, path: str) -> dict[str, Any]:
    return contract.document["paths"][path]["post"]["requestBody"]["content"][JSON]["examples"]


def test_first_example_of_a_request_is_the_simplest(contract: Contract) -> None:
    for path in ("/api/images/generate", "/api/images/estimate-cost"):
        examples = request_examples(contract, path)
        assert next(iter(examples)) == "flux-pro"
        assert len(examples) == len(load_registry().models)

    (batch,) = request_examples(contract, "/api/images/batch").values()
    assert [request["model"] for request in batch["value"]["requests"]] == ["flux-pro", "flux-dev"]
    assert contract.schemas["ModelList"]["examples"][0]["models"][0]["name"] == "flux-pro"


def test_examples_have_no_references(contract: Contract) -> None:
    found = [place for place, node in nodes(contract.document) if "$ref" in str(node.get("examples"))]

    assert found == []


def test_members_of_examples_are_in_order(contract: Contract) -> None:
    requests = request_examples(contract, "/api/images/generate")

    assert list(requests["nano-banana-edit"]["value"]) == ["model", "inputs", "options", "userId"]
    assert list(requests["nano-banana-edit"]["value"]["inputs"]) == ["prompt", "image_urls"]
    for name, example in (
        (name, each) for name, schema in contract.schemas.items() for each in schema.get("examples", [])
    ):
        members = contract.schemas[name].get("properties", {})
        assert not members or list(example) == [member for member in members if member in example], name


def test_job_begins_with_its_images(contract: Contract) -> None:
    assert list(contract.schemas["Job"]["properties"])[:3] == ["jobId", "status", "images"]


def test_summaries_are_plain_text(contract: Contract) -> None:
    assert [operation.node["summary"] for operation in contract.operations() if "`" in operation.node["summary"]] == []


def test_patterns_are_short(contract: Contract) -> None:
    long = {node["pattern"] for _, node in nodes(contract.document) if isinstance(node.get("pattern"), str)}

    assert {pattern for pattern in long if len(pattern) > 100} <= {URL_PATTERN}


def test_document_stays_light_with_many_models(contract: Contract) -> None:
    compact = json.dumps(contract.document, separators=(",", ":"), ensure_ascii=False).encode()
    models = len(load_registry().models)

    assert len(compact) <= min(550_000, 215_000 + 7_500 * models)
    assert len(gzip.compress(compact, 9)) <= min(60_000, 38_000 + 450 * models)


def test_nothing_is_written_twice_that_can_be_shared(contract: Contract) -> None:
    schemas = contract.schemas
    requests = [contract.resolved(branch) for branch in schemas["GenerateRequest"]["oneOf"]]
    members = Counter(
        json.dumps(member)
        for request in requests
        for part in (request, *(contract.resolved(request["properties"][name]) for name in ("inputs", "options")))
        for member in part.get("properties", {}).values()
        if "$ref" not in str(member) and "enum" not in str(member)
    )
    problems = Counter(
        json.dumps(response)
        for operations in contract.document["paths"].values()
        for operation in operations.values()
        for response in operation["responses"].values()
        if PROBLEM in response.get("content", {})
    )

    assert {name: count for name, count in (members + problems).items() if count > 1} == {}
    assert schemas["FluxProRequest"]["properties"]["userId"] == {"$ref": "#/components/schemas/UserId"}
    assert schemas["FluxProInputs"]["properties"]["seed"] == {"$ref": "#/components/schemas/SeedParameter"}
    assert schemas["FluxProOptions"]["properties"]["output_format"]["enum"] == ["jpeg", "png"]


def test_every_reference_leads_to_a_component_and_every_component_is_referred_to(contract: Contract) -> None:
    references = {node["$ref"] for _, node in nodes(contract.document) if isinstance(node.get("$ref"), str)}
    components = {
        f"#/components/{kind}/{name}"
        for kind, named in contract.document["components"].items()
        for name in named
        if kind != "securitySchemes"
    }

    assert references - components == set()
    assert components - references == set()


def test_document_is_the_same_each_time() -> None:
    assert openapi_json(load_registry()) == openapi_json(load_registry())


def test_alternatives_of_different_types_exclude_each_other(contract: Contract) -> None:
    """openapi-generator makes an object of an `anyOf`, which takes no text."""
    size = contract.schemas["FluxProOptions"]["properties"]["image_size"]

    assert [choice.get("type", "object") for choice in size["oneOf"]] == ["object", "string"]
    assert [place for place, node in nodes(contract.schemas) if "anyOf" in node and "Options" in place] == []
