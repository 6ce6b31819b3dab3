"""The document says what generators need, and is the one in the repository."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from contract import Contract

from imagegen.api import openapi_json
from imagegen.registry import load_registry
from imagegen.webhooks import URL_PATTERN

COMMITTED = Path(__file__).parent.parent.parent / "openapi.json"
PROBLEM, JSON = "application/problem+json", "application/json"


@pytest.fixture(scope="module")
def contract() -> Contract:
    return Contract(json.loads(openapi_json(load_registry())))


def nodes(node: object, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema of the document's components with its place; no example is taken for one."""
    if isinstance(node, dict):
        members = cast("dict[str, Any]", node)
        yield place, members
        for name, member in members.items():
            if name != "examples":
                yield from nodes(member, f"{place}/{name}")
    elif isinstance(node, list):
        for item in cast("list[object]", node):
            yield from nodes(item, place)


def test_the_file_in_the_repository_is_what_the_command_prints_without_any_server(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "imagegen", "openapi"]
    printed = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout  # noqa: S603 - our own

    assert printed == COMMITTED.read_text(encoding="utf-8"), "run `make openapi`"


def test_the_operations_have_names_for_methods(contract: Contract) -> None:
    assert {operation.id: f"{operation.method} {operation.path}" for operation in contract.operations()} == {
        "listModels": "GET /api/images/models",
        "getModel": "GET /api/images/models/{name}",
        "estimateCost": "POST /api/images/estimate-cost",
        "generateImage": "POST /api/images/generate",
        "generateBatch": "POST /api/images/batch",
        "getBatch": "GET /api/batches/{batchId}",
        "cancelBatch": "POST /api/batches/{batchId}/cancel",
        "getPicture": "GET /api/images/{jobId}/{number}",
        "uploadPicture": "POST /api/uploads",
        "listJobs": "GET /api/jobs",
        "getJob": "GET /api/jobs/{jobId}",
        "cancelJob": "POST /api/jobs/{jobId}/cancel",
        "streamJobEvents": "GET /api/jobs/{jobId}/events",
        "retryJob": "POST /api/jobs/{jobId}/retry",
        "deleteJob": "DELETE /api/jobs/{jobId}",
        "listDeliveries": "GET /api/jobs/{jobId}/deliveries",
        "getUsage": "GET /api/usage",
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


def test_what_an_operation_takes_decides_which_errors_it_has_without_its_route_saying_so(contract: Contract) -> None:
    statuses = {operation.id: set(operation.node["responses"]) for operation in contract.operations()}

    assert statuses["estimateCost"] == {"200", "400", "401", "403", "406", "408", "413", "415", "431", "500"}
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


def test_nothing_but_the_document_has_a_title(contract: Contract) -> None:
    titled = [place for place, node in nodes(contract.document) if isinstance(node.get("title"), str)]

    assert titled == ["/info"]


def test_what_may_be_left_out_is_never_null(contract: Contract) -> None:
    optional = {
        f"{place}/{name}": member
        for place, node in nodes(contract.schemas)
        for name, member in node.get("properties", {}).items()
        if name not in node.get("required", [])
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


def test_bounds_of_whole_numbers_are_exact(contract: Contract) -> None:
    seed = contract.schemas["FluxProInputs"]["properties"]["seed"]

    assert (repr(seed["minimum"]), repr(seed["maximum"])) == ("0", "9223372036854775807")


def test_a_jobs_status_is_open_to_more(contract: Contract) -> None:
    assert {"enum", "const"}.isdisjoint(contract.schemas["Job"]["properties"]["status"])


def test_licence_contact_and_server_are_named(contract: Contract) -> None:
    info = contract.document["info"]

    assert info["license"] == {"name": "MIT", "identifier": "MIT"}
    assert info["contact"]["name"]
    assert [server["url"] for server in contract.document["servers"]] == ["/"]


def test_webhooks_have_a_tag_of_their_own_and_make_no_method_of_a_client(contract: Contract) -> None:
    (operation,) = contract.document["webhooks"]["jobEnded"].values()

    assert (operation["tags"], operation["x-internal"]) == (["webhooks"], True)
    assert "webhooks" in {tag["name"] for tag in contract.document["tags"]}


def test_no_description_repeats_its_summary(contract: Contract) -> None:
    repeated = [
        operation.id
        for operation in contract.operations()
        if operation.node["summary"].rstrip(".") == operation.node["description"].rstrip(".")
    ]

    assert repeated == []


def test_texts_with_known_values_list_them_and_stay_open(contract: Contract) -> None:
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


def test_the_example_of_what_is_accepted_has_not_ended(contract: Contract) -> None:
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


def test_the_first_example_of_a_request_works_anywhere(contract: Contract) -> None:
    for path in ("/api/images/generate", "/api/images/estimate-cost"):
        examples = contract.document["paths"][path]["post"]["requestBody"]["content"][JSON]["examples"]
        assert next(iter(examples)) == "flux-pro"
        assert len(examples) == len(load_registry().models)


def test_no_pattern_is_longer_than_a_reader_bears(contract: Contract) -> None:
    long = {node["pattern"] for _, node in nodes(contract.document) if isinstance(node.get("pattern"), str)}

    assert {pattern for pattern in long if len(pattern) > 100} <= {URL_PATTERN}
