"""The operations of the OpenAPI document: summaries, common errors, and examples of bodies."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from fastapi.routing import APIRoute
from pydantic.alias_generators import to_camel

from imagegen.api.openapi.examples import CANCELLING, UNFINISHED, simplicity
from imagegen.api.openapi.json_schema import REFERENCE, leave_out_null, simplify
from imagegen.api.openapi.responses import EVENT_STREAM, inherited_errors

Node = dict[str, Any]
_VALIDATION_ERROR: Final = "HTTPValidationError"  # FastAPI's own
_UNDESCRIBED: Final = "Successful Response"


def operation_id(route: APIRoute) -> str:
    """The operation's id: the handler's name in camelCase, which suits a method of a generated client."""
    return to_camel(route.name)


def complete_operations(document: Node) -> None:
    """Complete every operation, in place."""
    schemas = cast("dict[str, Node]", document["components"]["schemas"])
    for operation in operations_of(document):
        _complete(operation, schemas)


def operations_of(document: Node) -> Iterator[Node]:
    """Every operation of the document."""
    for path in cast("dict[str, dict[str, Node]]", document["paths"]).values():
        yield from path.values()


def _complete(operation: Node, schemas: dict[str, Node]) -> None:
    """Add the summary, the errors that every operation of its kind has, and the examples of the body."""
    first, _, rest = operation["description"].partition("\n")
    operation |= {"summary": first.rstrip("."), "description": rest.strip() or first}
    parameters = cast("list[Node]", operation.get("parameters", []))
    for parameter in parameters:
        _complete_parameter(parameter)
    responses = cast("dict[str, Node]", operation["responses"])
    if REFERENCE + _VALIDATION_ERROR in str(responses.get("422")):
        del responses["422"]
    has_query = any(parameter["in"] != "path" for parameter in parameters)
    for status, response in inherited_errors(has_body="requestBody" in operation, has_query=has_query).items():
        responses.setdefault(str(status), response)
    operation["responses"] = dict(sorted(responses.items()))
    for response in responses.values():
        _describe(response, schemas)
    _exemplify_unfinished(responses.get("202", {}), CANCELLING if "cancel" in operation["operationId"] else UNFINISHED)
    for content in operation.get("requestBody", {}).get("content", {}).values():
        if examples := _body_examples(content["schema"], schemas):
            content["examples"] = examples


def _describe(response: Node, schemas: dict[str, Node]) -> None:
    """Describe a response without a description. Remove FastAPI's claim that a stream is a single string."""
    response.get("content", {}).get(EVENT_STREAM, {}).get("schema", {}).pop("type", None)
    schema = response.get("content", {}).get("application/json", {}).get("schema", {})
    if response["description"] == _UNDESCRIBED and "$ref" in schema:
        response["description"] = schemas[schema["$ref"].removeprefix(REFERENCE)]["description"]


def _exemplify_unfinished(accepted: Node, examples: Mapping[str, Node]) -> None:
    """Give a 202 an unfinished example; the example of the schema has ended."""
    content = accepted.get("content", {}).get("application/json", {})
    name = content.get("schema", {}).get("$ref", "").removeprefix(REFERENCE)
    if name in examples:
        content["examples"] = {"unfinished": {"value": examples[name]}}


def _complete_parameter(parameter: Node) -> None:
    simplify(parameter["schema"])
    if not parameter["required"]:
        leave_out_null(parameter["schema"])
    if "description" in parameter["schema"]:
        parameter["description"] = parameter["schema"].pop("description")
    if parameter["in"] == "header":
        parameter["name"] = parameter["name"].title()


def _body_examples(schema: Node, schemas: dict[str, Node]) -> Node:
    """The examples of a body: those of its schema, or those of each branch of a union.

    The simplest come first.
    """
    named = schemas.get(schema.get("$ref", "").removeprefix(REFERENCE), schema)
    references = [branch["$ref"] for branch in named.get("oneOf", [schema] if "$ref" in schema else [])]
    found = [schemas.get(reference.removeprefix(REFERENCE), {}).get("examples", []) for reference in references]
    values = sorted((examples[0] for examples in found if examples), key=simplicity)
    return {value.get("model", "example"): {"value": value} for value in values}
